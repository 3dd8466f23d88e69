/** EDM's stability: every atom's bond orders add up to its element's valence. */
import { forEachBond } from "./bonds.ts";
import { elementOf } from "./elements.ts";
import type { Molecule } from "./molecule.ts";

export interface Stability {
  /** All atoms are stable, and there is at least one. */
  readonly stable: boolean;
  readonly stableAtoms: number;
  readonly atoms: number;
}

/**
 * Judges a molecule by its distances alone, charges and radicals unknown.
 *
 * @throws RangeError for an unknown element, or positions that do not match the atoms
 */
export function stability(molecule: Molecule): Stability {
  const atoms = molecule.atomicNumbers.length, sums = new Uint16Array(atoms);
  forEachBond(molecule, (i, j, order) => {
    sums[i] += order;
    sums[j] += order;
  });
  let stableAtoms = 0;
  for (let i = 0; i < atoms; i++) {
    if (sums[i] === elementOf(molecule.atomicNumbers[i]).valence) stableAtoms++;
  }
  return { stable: atoms > 0 && stableAtoms === atoms, stableAtoms, atoms };
}
