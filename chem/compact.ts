/** Data sets in compact form: a folder of NumPy arrays, molecules one after another. What QM9's folder and those of `sets/` have in common. */
import type { DataSet, Part } from "./data_set.ts";
import { checkManifest, type ManifestFormat } from "./manifest.ts";
import { type NpyType, type NpyTypes, readNpy } from "./npy.ts";

/** A file of the form: its name, number type, and the columns of its rows; `null` for plain lists. */
export interface CompactFile {
  readonly name: string;
  readonly type: NpyType;
  readonly columns: number | null;
}

/** The files of a form. */
export type CompactFiles = Readonly<Record<string, CompactFile>>;

/** The split, which rows are of which part. */
export const SPLIT_FILES = {
  train: { name: "split_train.i32.npy", type: "i32", columns: null },
  valid: { name: "split_valid.i32.npy", type: "i32", columns: null },
  test: { name: "split_test.i32.npy", type: "i32", columns: null },
} as const satisfies CompactFiles;

/** The parts of a split. */
export const PARTS = Object.keys(SPLIT_FILES) as Part[];

/** SMILES, one a line, compressed; what else a line says follows a blank. */
export const SMILES_FILE = "smiles.txt.gz";

/** What is read, and what errors call it. */
export interface ReadCompactOptions {
  readonly label: string;
  readonly format: ManifestFormat;
  /** Further files that must be there. */
  readonly more?: readonly string[];
}

/**
 * Reads a folder's files, checked against its list where it has one.
 *
 * @returns their bytes by name, and what gives an array
 * @throws {Deno.errors.NotFound} naming the file that is not there
 * @throws {TypeError} naming the file that is damaged, or (of `read`) holds another type or shape
 */
export async function readCompact<F extends CompactFiles>(
  folder: string,
  files: F,
  { label, format, more = [] }: ReadCompactOptions,
) {
  const bytes = new Map<string, Uint8Array<ArrayBuffer>>();
  const names = [...Object.values(files).map((file) => file.name), ...more];
  await Promise.all(names.map(async (name) => bytes.set(name, await readFile(folder, name, label))));
  await checkManifest(folder, bytes, format);
  const read = <K extends keyof F>(key: K): NpyTypes[F[K]["type"]] => {
    const { name, type, columns } = files[key], path = `${folder}/${name}`;
    const { shape, data } = readNpy(bytes.get(name)!, type, path);
    checkShape(shape, columns, path);
    return data as NpyTypes[F[K]["type"]];
  };
  return { bytes, read };
}

/** @throws {TypeError} where a file's shape is not as its columns say */
export function checkShape(shape: readonly number[], columns: number | null, path: string): void {
  if (shape.length === (columns === null ? 1 : 2) && (columns === null || shape[1] === columns)) return;
  throw new TypeError(`${path}: the shape must be ${columns === null ? "[n]" : `[n,${columns}]`}; got [${shape}]`);
}

async function readFile(folder: string, name: string, label: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(`${folder}/${name}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(`${label} at ${folder} lacks ${name}; \`deno task data\` prepares a whole set`);
  }
}

/** The lines of {@link SMILES_FILE}. */
export async function readSmiles(bytes: Uint8Array<ArrayBuffer>, path: string): Promise<string[]> {
  try {
    const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    return text.trimEnd().split("\n");
  } catch (cause) {
    throw new TypeError(`${path}: not a whole gzip file`, { cause });
  }
}

/** Where each molecule begins, of so many items each: one more than there are molecules. */
export function offsetsOf(counts: ArrayLike<number>): Int32Array {
  const offsets = new Int32Array(counts.length + 1);
  for (let row = 0; row < counts.length; row++) offsets[row + 1] = offsets[row] + counts[row];
  return offsets;
}

/** Says where a file of the folder has more or less than the file `by` asks for. */
export const agreeing =
  (folder: string, by: string) => (name: string, have: number, due: number, what: string): void => {
    if (have !== due) throw new TypeError(`${folder}/${name}: expected ${due} ${what}, as ${by} says; got ${have}`);
  };

/** Each row must be in exactly one part of the split. */
export function checkSplit(split: DataSet["split"], count: number, folder: string): void {
  const seen = new Uint8Array(count);
  for (const part of PARTS) {
    const path = `${folder}/${SPLIT_FILES[part].name}`;
    for (const row of split[part]) {
      if (row < 0 || row >= count) throw new TypeError(`${path}: rows must be 0 to ${count - 1}; got ${row}`);
      if (seen[row]++) throw new TypeError(`${path}: row ${row} is in the split twice`);
    }
  }
  const total = split.train.length + split.valid.length + split.test.length;
  if (total !== count) throw new TypeError(`${folder}: the split must hold all ${count} molecules; got ${total}`);
}

/** Passes on a row of a set of `count`. @throws {RangeError} for any other */
export const rowOf = (count: number) => (row: number): number => {
  if (!Number.isInteger(row) || row < 0 || row >= count) {
    throw new RangeError(`row must be 0 to ${count - 1}; got ${row}`);
  }
  return row;
};
