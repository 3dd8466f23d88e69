/** EDM's stability: every atom's bond orders add up to its element's valence. */
import { bondOrderSums, perceiveBonds } from "./bonds.ts";
import { elementOf } from "./elements.ts";
import type { Bond, Molecule } from "./molecule.ts";

export interface Stability {
  /** All atoms are stable, and there is at least one. */
  readonly stable: boolean;
  readonly stableAtoms: number;
  readonly atoms: number;
}

/**
 * Judges a molecule by its distances alone, charges and radicals unknown.
 *
 * @param bonds perceived from the molecule unless given
 * @throws RangeError for an unknown element, or positions that do not match the atoms
 */
export function stability(molecule: Molecule, bonds: readonly Bond[] = perceiveBonds(molecule)): Stability {
  const atoms = molecule.atomicNumbers.length, sums = bondOrderSums(atoms, bonds);
  let stableAtoms = 0;
  for (let i = 0; i < atoms; i++) {
    if (sums[i] === elementOf(molecule.atomicNumbers[i]).valence) stableAtoms++;
  }
  return { stable: atoms > 0 && stableAtoms === atoms, stableAtoms, atoms };
}
