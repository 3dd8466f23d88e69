/** Whether a molecule's SMILES is of its very atoms. */
import { bondOrderSums } from "./bonds.ts";
import { setChargesApart } from "./charges.ts";
import { type Chemistry, DRUGLIKE, EDM, valencesOf } from "./chemistry.ts";
import type { Bond, Molecule } from "./molecule.ts";

/** The graph with all its charges: those that the molecule carries, or where its bonds were perceived, those that they mean. */
export const chargedGraph = (
  molecule: Molecule,
  bonds: readonly Bond[],
  chemistry: Chemistry = EDM,
): { readonly molecule: Molecule; readonly bonds: readonly Bond[] } =>
  molecule.bonds ?? molecule.charges ? { molecule, bonds } : setChargesApart(molecule, bonds, chemistry);

/** Valences that RDKit fills neutral atoms up to, where they are not {@link DRUGLIKE}'s; mercury is filled up to none, and has any number of bonds. */
const FILLED: Readonly<Record<number, readonly number[]>> = {
  5: [3],
  13: [3],
  14: [4],
  33: [3, 5],
  53: [1, 3, 5],
  83: [3, 5],
};
const MERCURY = 80;

const filled = (atomicNumber: number, charge = 0): readonly number[] =>
  (charge === 0 ? FILLED[atomicNumber] : undefined) ?? valencesOf(atomicNumber, charge, DRUGLIKE);

/**
 * The hydrogens that a reader adds to a graph, as RDKit does: each atom is filled up to the least valence of its element and charge that its bonds
 * do not exceed. Infinity where an atom's bonds exceed all of them.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const [oxygen, hydrogen] = [8, 1], bonds = [{ i: 0, j: 1, order: 1 }] as const;
 * const hydroxyl = { atomicNumbers: Uint8Array.of(oxygen, hydrogen), positions: new Float32Array(6) };
 * assert.equal(addedHydrogens(hydroxyl, bonds), 1); // its SMILES is that of water
 * ```
 */
export function addedHydrogens(molecule: Molecule, bonds: readonly Bond[], chemistry: Chemistry = EDM): number {
  const { molecule: { atomicNumbers, charges }, bonds: told } = chargedGraph(molecule, bonds, chemistry);
  return bondOrderSums(atomicNumbers.length, told).reduce((added, sum, i) => {
    if (atomicNumbers[i] === MERCURY) return added;
    const valence = filled(atomicNumbers[i], charges?.[i]).find((one) => one >= sum) ?? Infinity;
    return added + valence - sum;
  }, 0);
}
