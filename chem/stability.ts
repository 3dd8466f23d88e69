/** EDM's stability: every atom's bond orders add up to a valence of its element. */
import { bondOrderSums, bondsOf } from "./bonds.ts";
import { type Chemistry, EDM } from "./chemistry.ts";
import { elementOf } from "./elements.ts";
import type { Bond, Molecule } from "./molecule.ts";

export interface Stability {
  /** All atoms are stable, and there is at least one. */
  readonly stable: boolean;
  readonly stableAtoms: number;
  readonly atoms: number;
}

/**
 * Judges a molecule by its distances alone, charges and radicals unknown; one that carries bonds and charges by those.
 *
 * @param bonds those that the molecule carries, or perceived from it, unless given
 * @throws RangeError for an unknown element, or positions that do not match the atoms
 */
export function stability(
  molecule: Molecule,
  bonds: readonly Bond[] = bondsOf(molecule),
  chemistry: Chemistry = EDM,
): Stability {
  const atoms = molecule.atomicNumbers.length, sums = bondOrderSums(atoms, bonds);
  let stableAtoms = 0;
  for (let i = 0; i < atoms; i++) {
    const { valences } = elementOf(molecule.atomicNumbers[i], chemistry);
    if (valences[molecule.charges?.[i] ?? 0]?.includes(sums[i])) stableAtoms++;
  }
  return { stable: atoms > 0 && stableAtoms === atoms, stableAtoms, atoms };
}
