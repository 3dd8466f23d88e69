/** The connected pieces of a molecule. */
import type { Bond, Molecule } from "./molecule.ts";

/**
 * Atoms grouped by connection: each fragment's atoms ascend, fragments are in the order of their first atoms.
 *
 * @param atoms number of atoms
 */
export function fragments(atoms: number, bonds: readonly Bond[]): number[][] {
  const parent = new Uint32Array(atoms);
  for (let i = 0; i < atoms; i++) parent[i] = i;
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]];
    return i;
  };
  for (const { i, j } of bonds) {
    const a = root(i), b = root(j);
    // The lower atom leads, so a fragment's root is its first atom.
    if (a < b) parent[b] = a;
    else parent[a] = b;
  }
  const pieces: number[][] = [], byRoot: number[][] = [];
  for (let i = 0; i < atoms; i++) {
    const first = root(i);
    if (first === i) pieces.push(byRoot[i] = [i]);
    else byRoot[first].push(i);
  }
  return pieces;
}

/** The largest fragment; of equally large ones the first. Empty for no atoms. */
export function largest(pieces: readonly number[][]): number[] {
  return pieces.reduce((best, piece) => piece.length > best.length ? piece : best, []);
}

/** The molecule of some of the atoms, in the order given, and the bonds among them. */
export function submolecule(
  molecule: Molecule,
  bonds: readonly Bond[],
  members: readonly number[],
): { molecule: Molecule; bonds: Bond[] } {
  const place = new Map(members.map((atom, k) => [atom, k]));
  const positions = new Float32Array(3 * members.length);
  members.forEach((atom, k) => positions.set(molecule.positions.subarray(3 * atom, 3 * atom + 3), 3 * k));
  const kept: Bond[] = [];
  for (const { i, j, order } of bonds) {
    const a = place.get(i), b = place.get(j);
    if (a !== undefined && b !== undefined) kept.push({ i: Math.min(a, b), j: Math.max(a, b), order });
  }
  const { charges } = molecule, atomicNumbers = Uint8Array.from(members, (atom) => molecule.atomicNumbers[atom]);
  return {
    molecule: {
      atomicNumbers,
      positions,
      ...(charges && { charges: Int8Array.from(members, (atom) => charges[atom]) }),
      ...(molecule.bonds && { bonds: kept }),
    },
    bonds: kept,
  };
}
