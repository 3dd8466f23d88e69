/**
 * Formal charges for a graph that was perceived without any. Distances give a nitro group two double bonds and an azide a triple one: nitrogen
 * with five bonds, which RDKit reads as charged by itself, and other programs do not. Files say the charges.
 */
import { bondOrderSums } from "./bonds.ts";
import { type Chemistry, EDM } from "./chemistry.ts";
import { elementOf } from "./elements.ts";
import type { Bond, Molecule } from "./molecule.ts";

const NITROGEN = 7, OXYGEN = 8;

/**
 * The molecule and its bonds with charges set apart, by RDKit's rule (`MolOps::cleanUp`): of a neutral nitrogen with five bonds, the first double
 * bond to a neutral oxygen becomes a single one, or the first triple bond to a neutral nitrogen a double one, with +1 at the nitrogen and -1 at the
 * other end. So RDKit reads the same molecule of both; but for nitrous oxide, whose
 * nitrogen has both, and of which RDKit 2026.09 makes an anion. Nitrogens that have neither stay as they are.
 *
 * @param bonds in ascending order of i, then j
 * @returns the same objects where there is nothing to set apart
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * // Nitric acid as distances have it: HO-N(=O)=O
 * const nitric = { atomicNumbers: Uint8Array.of(7, 8, 8, 8, 1), positions: new Float32Array(15) };
 * const bonds = [{ i: 0, j: 1, order: 2 }, { i: 0, j: 2, order: 2 }, { i: 0, j: 3, order: 1 }, { i: 3, j: 4, order: 1 }] as const;
 * const charged = setChargesApart(nitric, bonds);
 * assert.deepEqual([...charged.molecule.charges!], [1, -1, 0, 0, 0]);
 * assert.deepEqual(charged.bonds.map(({ order }) => order), [1, 2, 1, 1]);
 * ```
 */
export function setChargesApart(
  molecule: Molecule,
  bonds: readonly Bond[],
  chemistry: Chemistry = EDM,
): { molecule: Molecule; bonds: readonly Bond[] } {
  const { atomicNumbers } = molecule, sums = bondOrderSums(atomicNumbers.length, bonds);
  const bears = (i: number) =>
    atomicNumbers[i] === NITROGEN && elementOf(NITROGEN, chemistry).bears?.includes(sums[i]) === true;
  if (!atomicNumbers.some((_, i) => bears(i))) return { molecule, bonds };
  const charges = Int8Array.from(molecule.charges ?? new Int8Array(atomicNumbers.length)), fresh = [...bonds];
  for (let i = 0; i < atomicNumbers.length; i++) {
    if (!bears(i) || charges[i] !== 0) continue;
    for (const [k, bond] of fresh.entries()) {
      if (bond.i !== i && bond.j !== i) continue;
      const other = bond.i === i ? bond.j : bond.i, element = atomicNumbers[other];
      const fits = element === OXYGEN && bond.order === 2 || element === NITROGEN && bond.order === 3;
      if (!fits || charges[other] !== 0) continue;
      fresh[k] = { ...bond, order: bond.order === 3 ? 2 : 1 };
      charges[i] = 1;
      charges[other] = -1;
      break;
    }
  }
  return { molecule: { ...molecule, charges }, bonds: fresh };
}
