/** A molecule as the judge sees it: who is bonded to whom, the rings, and which atoms are aromatic. */
import type { Bond, Molecule } from "../molecule.ts";
import { smallestRings } from "../rings.ts";

/** A neighbour and the order of the bond to it. */
export interface Neighbour {
  readonly atom: number;
  readonly order: Bond["order"];
}

/** See {@link structureOf}. */
export interface Structure {
  readonly atomicNumbers: Uint8Array;
  /** `[atoms, 3]`, angstrom. */
  readonly positions: Float32Array;
  readonly bonds: readonly Bond[];
  /** Of each atom. */
  readonly neighbours: readonly (readonly Neighbour[])[];
  /** Of a smallest cycle basis, atoms in order round each; none of a heap of atoms with too many. */
  readonly rings: readonly (readonly number[])[];
  /** 1 at aromatic atoms. */
  readonly aromatic: Uint8Array;
}

/** @param aromatic the aromatic atoms, as a perception has them (RDKit's, in the validator); none where absent */
export function structureOf(
  { atomicNumbers, positions }: Molecule,
  bonds: readonly Bond[],
  aromatic: Iterable<number> = [],
): Structure {
  const atoms = atomicNumbers.length, neighbours: Neighbour[][] = Array.from({ length: atoms }, () => []);
  for (const { i, j, order } of bonds) {
    neighbours[i].push({ atom: j, order });
    neighbours[j].push({ atom: i, order });
  }
  const flags = new Uint8Array(atoms);
  for (const atom of aromatic) flags[atom] = 1;
  return { atomicNumbers, positions, bonds, neighbours, rings: smallestRings(atoms, bonds) ?? [], aromatic: flags };
}

/** The smallest ring of the basis that has all of these atoms; undefined where none has. */
export const ringWith = ({ rings }: Structure, ...atoms: readonly number[]): readonly number[] | undefined =>
  rings.find((ring) => atoms.every((atom) => ring.includes(atom)));

/** Whether a bond is aromatic: both ends are, and a ring of aromatic atoms has both. */
export function isAromaticBond({ rings, aromatic }: Structure, i: number, j: number): boolean {
  return aromatic[i] === 1 && aromatic[j] === 1 &&
    rings.some((ring) => ring.includes(i) && ring.includes(j) && ring.every((atom) => aromatic[atom] === 1));
}

/** Double bonds at an atom, in the Kekule form that the bonds have. */
export const doubleBonds = ({ neighbours }: Structure, atom: number): number =>
  neighbours[atom].filter(({ order }) => order === 2).length;

/** Whether an atom is sp2: aromatic, or with one double bond and no triple one. */
export const isSp2 = (structure: Structure, atom: number): boolean =>
  structure.aromatic[atom] === 1 ||
  doubleBonds(structure, atom) === 1 && structure.neighbours[atom].every(({ order }) => order < 3);
