/**
 * QM9 with coordinates in a compact form: a folder of arrays that is read whole in a fraction of a second.
 *
 * 130,831 molecules, all of GDB-9 but the 3,054 that failed the consistency check, in GDB order, with the split that
 * EDM, GeoLDM and their successors train on. Data: Ramakrishnan et al., Sci. Data 1, 140022 (2014).
 */
import { EDM } from "./chemistry.ts";
import {
  agreeing,
  checkSplit,
  type CompactFiles,
  offsetsOf,
  readCompact,
  readSmiles,
  rowOf,
  SMILES_FILE,
  SPLIT_FILES,
} from "./compact.ts";
import type { DataSet, NodeClass } from "./data_set.ts";

/** Atomic numbers of QM9's elements, in EDM's order. */
export const QM9_ELEMENTS: readonly number[] = EDM.elements.map(({ atomicNumber }) => atomicNumber);

/** What heavy atoms are in QM9's training split, in the order of one-hot scalars. */
export const QM9_CLASSES: readonly NodeClass[] = [
  [6, 0],
  [6, 1],
  [6, 2],
  [6, 3],
  [6, 4],
  [7, 0],
  [7, 1],
  [7, 2],
  [7, 3],
  [8, 0],
  [8, 1],
  [9, 0],
];

/** The columns of `properties`, in order. */
export const QM9_PROPERTIES = [
  "A", // rotational constants, GHz
  "B",
  "C",
  "mu", // dipole moment, debye
  "alpha", // polarizability, bohr^3
  "homo", // hartree, as are lumo and gap
  "lumo",
  "gap",
  "r2", // <R^2>, bohr^2
  "zpve", // hartree, as are the four energies that follow
  "U0",
  "U298",
  "H298",
  "G298",
  "Cv", // cal / (mol K)
] as const;

/** Positions are stored as whole numbers of 1/2000 angstrom. */
export const POSITION_UNITS_PER_ANGSTROM = 2000;

/** The files of the form: name, number type, and shape with `null` for what the data decide. */
export const QM9_FILES = {
  index: { name: "gdb9_index.i32.npy", type: "i32", columns: null },
  atomCounts: { name: "n_atoms.u8.npy", type: "u8", columns: null },
  atomicNumbers: { name: "atomic_numbers.u8.npy", type: "u8", columns: null },
  positions: { name: "positions.i16.npy", type: "i16", columns: 3 },
  properties: { name: "properties.f64.npy", type: "f64", columns: QM9_PROPERTIES.length },
  ...SPLIT_FILES,
} as const satisfies CompactFiles;

/** What QM9 is called, and what is always so of it. */
export const QM9_WORDS = {
  name: "qm9",
  label: "QM9",
  description: "QM9, consistent part (130,831 molecules)",
  splitWords: "EDM's: NumPy RandomState(0), 100,000 to train on; held-out loss on the validation split",
  chemistry: "edm",
  classes: QM9_CLASSES,
} as const satisfies Partial<DataSet>;

/** The one file that is not an array: SMILES, one a line, compressed. */
export const QM9_SMILES_FILE = SMILES_FILE;

/** The data in memory. A row is a molecule's place in the set, 0 to count - 1. */
export interface Qm9 extends DataSet {
  readonly count: number;
  readonly atomCounts: Uint8Array;
  /** The number in the official file name `dsgdb9nsd_NNNNNN.xyz`, a row. */
  readonly index: Int32Array;
  /** `[count, QM9_PROPERTIES.length]` */
  readonly properties: Float64Array;
  /** The first SMILES of the official file, that of the GDB graph. */
  smiles(row: number): string;
}

/** All files of a set, by their names. */
const NAMES: readonly string[] = [...Object.values(QM9_FILES).map(({ name }) => name), QM9_SMILES_FILE];

/** The files of a set. */
export const filesOfQm9 = (folder: string): string[] => NAMES.map((name) => `${folder}/${name}`);

/**
 * Reads a whole set, about 35 MB.
 *
 * @param folder where the files lie; without it, where `findQm9` finds them
 * @throws {Deno.errors.NotFound} naming the file that is not there
 * @throws {TypeError} naming the file that is corrupt, cut short, or does not agree with the others
 */
export async function openQm9(folder?: string): Promise<Qm9> {
  const at = folder ?? await findQm9();
  const { bytes, read } = await readCompact(at, QM9_FILES, {
    label: QM9_WORDS.label,
    format: "molstep-qm9",
    more: [QM9_SMILES_FILE],
  });
  const index = read("index"), atomCounts = read("atomCounts"), atomicNumbers = read("atomicNumbers");
  const positions = read("positions"), properties = read("properties");
  const split = { train: read("train"), valid: read("valid"), test: read("test") };
  const smiles = await readSmiles(bytes.get(QM9_SMILES_FILE)!, `${at}/${QM9_SMILES_FILE}`);

  const count = atomCounts.length;
  const offsets = offsetsOf(atomCounts);
  const atoms = offsets[count];
  const agree = agreeing(at, QM9_FILES.atomCounts.name);
  agree(QM9_FILES.index.name, index.length, count, "molecules");
  agree(QM9_FILES.properties.name, properties.length / QM9_PROPERTIES.length, count, "molecules");
  agree(QM9_SMILES_FILE, smiles.length, count, "molecules");
  agree(QM9_FILES.atomicNumbers.name, atomicNumbers.length, atoms, "atoms");
  agree(QM9_FILES.positions.name, positions.length / 3, atoms, "atoms");
  for (const z of atomicNumbers) {
    if (!QM9_ELEMENTS.includes(z)) {
      throw new TypeError(
        `${at}/${QM9_FILES.atomicNumbers.name}: atomic numbers must be 1, 6, 7, 8 or 9 (H, C, N, O, F); got ${z}`,
      );
    }
  }
  checkSplit(split, count, at);

  const checked = rowOf(count);
  return {
    ...QM9_WORDS,
    count,
    atomCounts,
    index,
    properties,
    split,
    molecule(row) {
      const from = offsets[checked(row)], to = offsets[row + 1];
      const units = positions.subarray(3 * from, 3 * to);
      return {
        atomicNumbers: atomicNumbers.slice(from, to),
        positions: Float32Array.from(units, (u) => u / POSITION_UNITS_PER_ANGSTROM),
      };
    },
    smiles: (row) => smiles[checked(row)],
  };
}

/** Where the list of molecules to leave out is looked for, beside an archive on disk. */
export const listBeside = (archive: string): string => archive.replace(/[^/]*$/, "") + "uncharacterized.txt";

/** Where data sets are looked for, in this order: `MOLSTEP_QM9`, then beside the code. */
export function qm9Folders(): string[] {
  const named = Deno.env.get("MOLSTEP_QM9");
  const beside = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);
  return named ? [named] : [beside("../data/qm9"), beside("../../shared/data/qm9")];
}

/**
 * The first folder that holds QM9.
 *
 * @throws {Deno.errors.NotFound} telling where it was looked for
 */
export async function findQm9(folders: readonly string[] = qm9Folders()): Promise<string> {
  for (const folder of folders) {
    const found = await Deno.stat(`${folder}/${QM9_FILES.atomCounts.name}`).then((file) => file.isFile, () => false);
    if (found) return folder;
  }
  throw new Deno.errors.NotFound(
    `QM9 was looked for in ${folders.join(", ")} and is not there; \`deno task data\` prepares it`,
  );
}
