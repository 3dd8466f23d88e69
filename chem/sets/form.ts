/**
 * A set of anybody's molecules, in the compact form: coordinates, bonds and charges as they were given, in arrays that are read whole in a
 * fraction of a second. Beside them are its list (what the set is, and its files' sums), a summary, a picture of it, and what was refused.
 */
import { z } from "zod";
import { chemistryNames } from "../chemistry.ts";
import { type CompactFiles, SPLIT_FILES } from "../compact.ts";
import { readManifest } from "../manifest.ts";
import type { Bond, Molecule } from "../molecule.ts";

/** The arrays: molecules one after another; see {@link SET_FILES}'s types. */
export const SET_FILES = {
  /** Atoms of each molecule, hydrogens included. */
  atomCounts: { name: "n_atoms.u8.npy", type: "u8", columns: null },
  atomicNumbers: { name: "atomic_numbers.u8.npy", type: "u8", columns: null },
  /** Formal charges. */
  charges: { name: "charges.i8.npy", type: "i8", columns: null },
  /** In parts of an angstrom, centred; how many parts the list says. */
  positions: { name: "positions.i16.npy", type: "i16", columns: 3 },
  bondCounts: { name: "n_bonds.u8.npy", type: "u8", columns: null },
  /** Both atoms (within the molecule), and the order of the Kekule form; what is above {@link ORDER_BITS} is passed over. */
  bonds: { name: "bonds.u8.npy", type: "u8", columns: 3 },
  ...SPLIT_FILES,
} as const satisfies CompactFiles;

/** Bits of a bond's order; a 16 beside them marks bonds that some program calls aromatic. */
export const ORDER_BITS = 15;

/** Most atoms, and bonds, of a molecule in this form. */
export const ATOMS_MAX = 255, BONDS_MAX = 255;

/** Parts of an angstrom that positions are whole numbers of, where a folder does not say. */
export const POSITION_UNITS = 1000;

/** Further files of a prepared set: numbers, the picture, and a line of JSON for each record that was refused. */
export const SUMMARY_FILE = "summary.json", PICTURE_FILE = "summary.svg", REFUSED_FILE = "refused.ndjson";

/** What the arrays have of a molecule, of which atomic numbers and charges are its own to keep; bonds `[bonds, 3]`. */
interface MoleculeRows {
  readonly atomicNumbers: Uint8Array;
  readonly charges: Int8Array;
  readonly positions: Int16Array;
  readonly bonds: Uint8Array;
}

/** The molecule of these, unchecked. @param units parts of an angstrom that positions are in */
export function moleculeOf(
  { atomicNumbers, charges, positions, bonds }: MoleculeRows,
  units: number,
): Molecule & { readonly bonds: readonly Bond[] } {
  return {
    atomicNumbers,
    positions: Float32Array.from(positions, (value) => value / units),
    bonds: Array.from({ length: bonds.length / 3 }, (_, k) => {
      const [a, b, order] = bonds.subarray(3 * k, 3 * k + 3);
      return { i: Math.min(a, b), j: Math.max(a, b), order: (order & ORDER_BITS) as Bond["order"] };
    }),
    ...charges.some((charge) => charge !== 0) && { charges },
  };
}

/** A set's name: that of its folder in `data/`. */
export const setName = z.string().max(64).regex(
  /^[a-z0-9][a-z0-9._-]*$/,
  "must be lower-case letters, digits, '.', '_' and '-'",
);

/** What the list says of the set, beside its files. */
const aboutSet = z.object({
  name: setName,
  description: z.string(),
  splitWords: z.string(),
  chemistry: z.enum(chemistryNames),
  unitsPerAngstrom: z.number().positive(),
  molecules: z.int().min(1),
  refused: z.int().min(0),
  /** What heavy atoms are: element, hydrogens, charge where it is not 0. By element, charge and hydrogens. */
  classes: z.array(z.tuple([z.int(), z.int(), z.int().optional()])),
});

/** See there. */
export type AboutSet = z.infer<typeof aboutSet>;

/**
 * What a prepared set's list says of it; undefined where the folder has no list.
 *
 * @throws {TypeError} where it is not in order
 */
export async function readAbout(folder: string): Promise<AboutSet | undefined> {
  const manifest = await readManifest(folder, "molstep-set");
  if (manifest === undefined) return undefined;
  const { success, data, error } = aboutSet.safeParse(manifest);
  if (!success) throw new TypeError(`${folder}: its list is not in order:\n${z.prettifyError(error)}`);
  return data;
}
