/** Molecules as graphs, to and from RDKit.js by its JSON (`get_json`): no positions, and hydrogens told rather than guessed from valence. */
import type { Bond } from "./molecule.ts";
import type { RdkitMol } from "./rdkit.ts";

/** What RDKit's `get_smiles` is told for SMILES without stereo. Here, as `rdkit.ts` loads RDKit.js. */
export const FLAT = JSON.stringify({ doIsomericSmiles: false });

/** What of RDKit's JSON is read. Properties that are the default's are left out there. */
export interface RdkitJson {
  readonly defaults: { readonly atom: Required<JsonAtom>; readonly bond: Required<Pick<JsonBond, "bo" | "stereo">> };
  readonly molecules: readonly { readonly atoms: readonly JsonAtom[]; readonly bonds?: readonly JsonBond[] }[];
}

/** An atom there. */
export interface JsonAtom {
  readonly z?: number;
  /** Implicit hydrogens. */
  readonly impHs?: number;
  readonly chg?: number;
  readonly nRad?: number;
  readonly isotope?: number;
  readonly stereo?: string;
}

/** A bond there: Kekule orders. */
export interface JsonBond {
  readonly atoms: readonly [number, number];
  readonly bo?: number;
  readonly stereo?: string;
  readonly stereoAtoms?: readonly [number, number];
}

/** A molecule's graph. */
export interface MolGraph {
  readonly atomicNumbers: Uint8Array;
  /** Formal charges, one an atom. */
  readonly charges: Int8Array;
  /** Hydrogens of each atom that are no atoms themselves. */
  readonly hydrogens: Uint8Array;
  /** Kekule orders. */
  readonly bonds: readonly Bond[];
}

/** A bond between these atoms, the lower one first. */
export const bondOf = ([a, b]: readonly [number, number], order: number): Bond => ({
  i: Math.min(a, b),
  j: Math.max(a, b),
  order: order as Bond["order"],
});

/** The graph of a molecule that RDKit has read, atoms in its order. */
export function graphOfMol(mol: RdkitMol): MolGraph {
  const { defaults, molecules: [{ atoms, bonds = [] }] } = JSON.parse(mol.get_json()) as RdkitJson;
  return {
    atomicNumbers: Uint8Array.from(atoms, ({ z = defaults.atom.z }) => z),
    charges: Int8Array.from(atoms, ({ chg = defaults.atom.chg }) => chg),
    hydrogens: Uint8Array.from(atoms, ({ impHs = defaults.atom.impHs }) => impHs),
    bonds: bonds.map(({ atoms, bo = defaults.bond.bo }) => bondOf(atoms, bo)),
  };
}

/** The graph that some of a graph's bonds make: their atoms, in its order, with a hydrogen for each order of what else is bonded to them. */
export function pieceOf({ atomicNumbers, charges, hydrogens, bonds }: MolGraph, held: readonly Bond[]): MolGraph {
  const members = [...new Set(held.flatMap(({ i, j }) => [i, j]))].sort((a, b) => a - b);
  const place = new Map(members.map((atom, k) => [atom, k])), kept = new Set(held), all = Uint8Array.from(hydrogens);
  for (const bond of bonds) if (!kept.has(bond)) all[bond.i] += bond.order, all[bond.j] += bond.order;
  return {
    atomicNumbers: Uint8Array.from(members, (atom) => atomicNumbers[atom]),
    charges: Int8Array.from(members, (atom) => charges[atom]),
    hydrogens: Uint8Array.from(members, (atom) => all[atom]),
    bonds: held.map(({ i, j, order }) => bondOf([place.get(i)!, place.get(j)!], order)),
  };
}

const DEFAULTS: RdkitJson["defaults"] = {
  atom: { z: 6, impHs: 0, chg: 0, nRad: 0, isotope: 0, stereo: "unspecified" },
  bond: { bo: 1, stereo: "unspecified" },
};

/** A graph as RDKit's JSON, which it reads and sanitises as it does SMILES. */
export function jsonOf({ atomicNumbers, charges, hydrogens, bonds }: MolGraph): string {
  const atoms: JsonAtom[] = Array.from(atomicNumbers, (z, k) => ({ z, impHs: hydrogens[k], chg: charges[k] }));
  const between: JsonBond[] = bonds.map(({ i, j, order }) => ({ atoms: [i, j], bo: order }));
  return JSON.stringify({ rdkitjson: { version: 12 }, defaults: DEFAULTS, molecules: [{ atoms, bonds: between }] });
}
