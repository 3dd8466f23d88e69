/** What molecules are put together from: scaffold, ring systems, and the nearest surroundings of each heavy atom. */
import { symbolOf } from "../elements.ts";
import { submolecule } from "../fragments.ts";
import { FLAT } from "../mol_graph.ts";
import { molblockBytes } from "../molblock_bytes.ts";
import type { Bond, Molecule } from "../molecule.ts";
import type { Rdkit, RdkitMol } from "../rdkit.ts";
import { ringSystemsOf } from "../ring_systems/ring_systems.ts";
import { isAromaticBond, ringWith, type Structure } from "./structure.ts";

const MARKS = { 1: "-", 2: "=", 3: "#" } as const;

/**
 * The atoms of the scaffold: rings, what links them, and atoms bonded to either by double bonds (Bemis & Murcko, J. Med. Chem. 39, 2887, 1996, as
 * RDKit has it). None of an acyclic molecule.
 */
export function scaffoldAtoms(structure: Structure): number[] {
  const { neighbours, rings } = structure;
  if (rings.length === 0) return [];
  // What is left when ends are taken off again and again: rings and linkers.
  const degree = neighbours.map(({ length }) => length), ends = [...degree.keys()].filter((atom) => degree[atom] < 2);
  const gone = new Set(ends);
  for (let head = 0; head < ends.length; head++) {
    for (const { atom } of neighbours[ends[head]]) {
      if (gone.has(atom) || --degree[atom] > 1) continue;
      gone.add(atom);
      ends.push(atom);
    }
  }
  const atoms = new Set([...rings.flat(), ...neighbours.keys().filter((atom) => !gone.has(atom))]);
  for (const atom of [...atoms]) {
    for (const { atom: next, order } of neighbours[atom]) if (order === 2) atoms.add(next);
  }
  return [...atoms].sort((a, b) => a - b);
}

/** How motifs that are ring systems begin. */
const RING = "ring:";

/** Whether a motif is a ring system. */
export const isRingSystem = (motif: string): boolean => motif.startsWith(RING);

/**
 * Each heavy atom with its nearest neighbours, as text: element, charge, hydrogens, the size of its smallest ring, whether it is aromatic, and the bonds
 * to heavy atoms with their elements. `CH2r6(-C-N)` is a methylene group between carbon and nitrogen in a ring of six.
 */
export function environmentsOf(structure: Structure, charges?: Int8Array): string[] {
  const { atomicNumbers: z, neighbours, aromatic } = structure, all = new Set<string>();
  neighbours.forEach((around, atom) => {
    if (z[atom] === 1) return;
    const heavy = around.filter(({ atom }) => z[atom] !== 1), hydrogens = around.length - heavy.length;
    const bonds = heavy.map(({ atom: other, order }) =>
      (isAromaticBond(structure, atom, other) ? ":" : MARKS[order]) + symbolOf(z[other])
    ).sort().join("");
    const charge = charges?.[atom] ?? 0, ring = ringWith(structure, atom)?.length;
    const sign = charge === 0 ? "" : charge > 0 ? `+${charge}` : String(charge);
    all.add(
      `${symbolOf(z[atom])}${sign}H${hydrogens}${ring ? `r${ring}` : ""}${aromatic[atom] ? "a" : ""}(${bonds})`,
    );
  });
  return [...all].sort();
}

/**
 * The scaffold and the motifs of a molecule. Motifs are its ring systems (`ring:` and SMILES, {@link ringSystemsOf}) and its {@link environmentsOf} (`atom:`).
 *
 * @param charged the molecule with charges set apart, and its bonds, so that the scaffold is read as the whole is
 * @param mol the same as RDKit has read it, hydrogens implicit
 */
export function motifsOf(
  rdkit: Rdkit,
  structure: Structure,
  { molecule, bonds }: { readonly molecule: Molecule; readonly bonds: readonly Bond[] },
  mol: RdkitMol,
): { scaffold: string | null; motifs: string[] } {
  const atoms = environmentsOf(structure, molecule.charges).map((key) => `atom:${key}`);
  if (structure.rings.length === 0) return { scaffold: null, motifs: atoms };
  const piece = submolecule(molecule, bonds, scaffoldAtoms(structure));
  const smiles = rdkit.withMol(molblockBytes(piece.molecule, piece.bonds), (scaffold) => scaffold.get_smiles(FLAT));
  return {
    scaffold: smiles?.split(".").sort().join(".") ?? null,
    motifs: [...atoms, ...ringSystemsOf(rdkit, mol).map((smiles) => RING + smiles)],
  };
}
