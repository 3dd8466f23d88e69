/**
 * EDM's validity (Hoogeboom et al. 2022): the atoms and the bonds perceived from distances (or carried, with charges) make a molecule that RDKit
 * can sanitise. An atom with too few bonds is valid, RDKit adds what hydrogens it lacks; one with too many is not.
 */
import { bondOrderSums, bondsOf } from "./bonds.ts";
import { type Chemistry, EDM } from "./chemistry.ts";
import { elementOf } from "./elements.ts";
import { fragments, largest, submolecule } from "./fragments.ts";
import { FLAT } from "./mol_graph.ts";
import { molblockBytes } from "./molblock_bytes.ts";
import type { Bond, Molecule } from "./molecule.ts";
import type { Rdkit, RdkitMol } from "./rdkit.ts";
import { fitsMolblock } from "./sdf.ts";

export interface Validity {
  readonly valid: boolean;
  /** Connected pieces; 0 where the molecule is not valid. */
  readonly fragments: number;
  /**
   * Canonical SMILES of the largest fragment (the first of equals), hydrogens written out, without stereo; null where
   * the molecule is not valid. EDM's uniqueness and novelty compare these.
   */
  readonly edmSmiles: string | null;
}

const READ = { removeHs: false };

/**
 * Whether some atom's bond orders exceed what RDKit bears of the element: its valences, or five at nitrogen, which it reads
 * as charged where a double bond to oxygen or a triple bond to nitrogen allows (a nitro group, an azide). RDKit refuses all
 * of these, but takes a hundred microseconds to say so, and of atoms in a heap up to a second; hence this first look.
 */
export function overfull(
  { atomicNumbers, charges }: Molecule,
  bonds: readonly Bond[],
  chemistry: Chemistry = EDM,
): boolean {
  return bondOrderSums(atomicNumbers.length, bonds).some((sum, i) => {
    const { valences, bears } = elementOf(atomicNumbers[i], chemistry), charge = charges?.[i] ?? 0;
    return sum > (valences[charge]?.at(-1) ?? 0) && !(charge === 0 && bears?.includes(sum));
  });
}

/**
 * Lends the sanitised RDKit molecule, explicit hydrogens and 3D stereo included, to `use`.
 *
 * @returns what `use` returns; null where the molecule is not valid (which a molecule without atoms, with a position
 *   that is not finite, or beyond what a molblock holds never is)
 * @throws RangeError for an unknown element, or positions that do not match the atoms
 */
export function withValid<T>(
  rdkit: Rdkit,
  molecule: Molecule,
  bonds: readonly Bond[],
  use: (mol: RdkitMol, verdict: { fragments: number; edmSmiles: string }) => T,
  chemistry: Chemistry = EDM,
): T | null {
  if (molecule.atomicNumbers.length === 0 || !fitsMolblock(molecule, bonds)) return null;
  if (overfull(molecule, bonds, chemistry)) return null;
  return rdkit.withMol(molblockBytes(molecule, bonds), (mol) => {
    const pieces = fragments(molecule.atomicNumbers.length, bonds);
    return use(mol, {
      fragments: pieces.length,
      edmSmiles: pieces.length === 1 ? mol.get_smiles(FLAT) : largestSmiles(rdkit, molecule, bonds, pieces),
    });
  }, READ);
}

function largestSmiles(rdkit: Rdkit, molecule: Molecule, bonds: readonly Bond[], pieces: number[][]): string {
  const piece = submolecule(molecule, bonds, largest(pieces));
  const smiles = rdkit.withMol(molblockBytes(piece.molecule, piece.bonds), (mol) => mol.get_smiles(FLAT), READ);
  if (smiles === null) throw new Error("RDKit refuses a fragment of a molecule that it accepts");
  return smiles;
}

/**
 * Judges one molecule.
 *
 * @param bonds those that the molecule carries, or perceived from it, unless given
 * @throws RangeError for an unknown element, or positions that do not match the atoms
 */
export function validity(rdkit: Rdkit, molecule: Molecule, bonds: readonly Bond[] = bondsOf(molecule)): Validity {
  return withValid<Validity>(rdkit, molecule, bonds, (_, verdict) => ({ valid: true, ...verdict })) ??
    { valid: false, fragments: 0, edmSmiles: null };
}
