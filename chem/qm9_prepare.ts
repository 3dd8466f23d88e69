/** Makes the compact form of QM9 (see `qm9.ts`) from the official archive, or from a copy of the compact form. */
import { gzipSync } from "fflate";
import { type ByteSource, decompress, readTar } from "./archive.ts";
import { type NpyType, type NpyTypes, writeNpy } from "./npy.ts";
import { numpyPermutation } from "./numpy_permutation.ts";
import { listBeside, openQm9, POSITION_UNITS_PER_ANGSTROM, QM9_FILES, QM9_PROPERTIES, QM9_SMILES_FILE } from "./qm9.ts";
import { makeManifest, MANIFEST } from "./manifest.ts";
import { parseQm9Xyz, type Qm9Record } from "./qm9_xyz.ts";
import { replaceFolder } from "./replace_folder.ts";

/** The official files on figshare (doi:10.6084/m9.figshare.c.978904), by the addresses that EDM's code uses. */
export const QM9_ADDRESSES = {
  archive: "https://springernature.figshare.com/ndownloader/files/3195389",
  uncharacterized: "https://springernature.figshare.com/ndownloader/files/3195404",
} as const;

/** Molecules in the official archive, and those of them that failed the consistency check. */
const OFFICIAL = { molecules: 133885, excluded: 3054 } as const;

export interface PrepareProgress {
  readonly stage: "reading" | "writing";
  /** Molecules done so far, of `total`. */
  readonly molecules: number;
  readonly total: number;
}

export interface PrepareOptions {
  /** The official `.tar.bz2` (a `.tar.gz` or `.tar` will do), a folder in compact form, or an address; default figshare. */
  readonly from?: string;
  /** The folder to write; replaced only when all is read and checked. */
  readonly to: string;
  /** Path or address of `uncharacterized.txt`; default beside a local archive, else figshare. */
  readonly uncharacterized?: string;
  /** What the archive must hold; default the official numbers. */
  readonly expect?: { readonly molecules: number; readonly excluded: number };
  readonly onProgress?: (progress: PrepareProgress) => void;
  readonly signal?: AbortSignal;
}

type Files = Map<string, Uint8Array<ArrayBuffer>>;

const isAddress = (from: string) => /^https?:\/\//.test(from);

async function open(from: string, signal?: AbortSignal): Promise<ByteSource> {
  if (!isAddress(from)) return (await Deno.open(from)).readable;
  const response = await fetch(from, { signal });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`${from} answered ${response.status} ${response.statusText}`);
  }
  return response.body;
}

async function readText(source: ByteSource): Promise<string> {
  return await new Response(ReadableStream.from(source)).text();
}

/** The indices in `uncharacterized.txt`: the first word of each line that begins with a whole number. */
export function parseUncharacterized(text: string): Set<number> {
  const words = text.split("\n").map((line) => line.trim().split(/\s+/)[0]);
  return new Set(words.filter((word) => /^\d+$/.test(word)).map(Number));
}

/** EDM's split: a seeded permutation cut into 100,000 for training, the rest, and a tenth for the test. */
export function edmSplit(count: number): Record<"train" | "valid" | "test", Int32Array<ArrayBuffer>> {
  const order = numpyPermutation(0, count);
  const train = Math.round(count * 100_000 / 130_831), test = Math.floor(count / 10);
  return {
    train: order.slice(0, train),
    valid: order.slice(train, count - test),
    test: order.slice(count - test),
  };
}

/** The compact form of these molecules, all its files by name. */
function compact(records: readonly Qm9Record[]): Files {
  const atoms = records.reduce((sum, record) => sum + record.atomicNumbers.length, 0), count = records.length;
  const index = new Int32Array(count), atomCounts = new Uint8Array(count), atomicNumbers = new Uint8Array(atoms);
  const positions = new Int16Array(3 * atoms), properties = new Float64Array(count * QM9_PROPERTIES.length);
  let atom = 0;
  records.forEach((record, row) => {
    index[row] = record.index;
    atomCounts[row] = record.atomicNumbers.length;
    atomicNumbers.set(record.atomicNumbers, atom);
    record.positions.forEach((x, i) => {
      const units = Math.round(x * POSITION_UNITS_PER_ANGSTROM);
      if (Math.abs(units) > 32767) {
        throw new TypeError(`molecule ${record.index}: coordinates must be at most 16.38 angstrom; got ${x}`);
      }
      positions[3 * atom + i] = units;
    });
    properties.set(record.properties, row * QM9_PROPERTIES.length);
    atom += record.atomicNumbers.length;
  });
  const arrays: Record<keyof typeof QM9_FILES, NpyTypes[NpyType]> = {
    index,
    atomCounts,
    atomicNumbers,
    positions,
    properties,
    ...edmSplit(count),
  };
  const files: Files = new Map();
  for (const key of Object.keys(QM9_FILES) as (keyof typeof QM9_FILES)[]) {
    const { name, type, columns } = QM9_FILES[key], data = arrays[key];
    files.set(name, writeNpy({ type, shape: columns ? [data.length / columns, columns] : [data.length], data }));
  }
  const smiles = new TextEncoder().encode(records.map((record) => record.smiles).join("\n") + "\n");
  files.set(QM9_SMILES_FILE, gzipSync(smiles, { mtime: 0 }) as Uint8Array<ArrayBuffer>);
  return files;
}

async function fromArchive(from: string, options: PrepareOptions): Promise<Files> {
  const { onProgress, signal, expect = OFFICIAL } = options;
  const list = options.uncharacterized ?? (isAddress(from) ? QM9_ADDRESSES.uncharacterized : listBeside(from));
  let excluded: Set<number>;
  try {
    excluded = parseUncharacterized(await readText(await open(list, signal)));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(
      `${list} is not there: the list of excluded molecules from ${QM9_ADDRESSES.uncharacterized} is needed`,
    );
  }
  if (excluded.size !== expect.excluded) {
    throw new TypeError(`${list}: expected ${expect.excluded} molecules; got ${excluded.size}`);
  }
  const records: Qm9Record[] = [], seen = new Set<number>(), decoder = new TextDecoder();
  try {
    for await (const { name, bytes } of readTar(decompress(await open(from, signal)))) {
      signal?.throwIfAborted();
      if (!name.endsWith(".xyz")) continue;
      const record = parseQm9Xyz(decoder.decode(bytes), name);
      if (seen.has(record.index)) throw new TypeError(`${name}: molecule ${record.index} is there twice`);
      seen.add(record.index);
      if (!excluded.has(record.index)) records.push(record);
      if (seen.size % 1000 === 0) onProgress?.({ stage: "reading", molecules: seen.size, total: expect.molecules });
    }
  } catch (error) {
    if (error instanceof TypeError) throw new TypeError(`${from}: ${error.message}`, { cause: error });
    throw error;
  }
  if (seen.size !== expect.molecules || records.length !== expect.molecules - expect.excluded) {
    throw new TypeError(
      `${from}: expected ${expect.molecules} molecules, ${expect.molecules - expect.excluded} of them not excluded; ` +
        `got ${seen.size} and ${records.length}`,
    );
  }
  return compact(records.sort((a, b) => a.index - b.index));
}

async function fromFolder(from: string): Promise<Files> {
  await openQm9(from); // refuses what is missing, damaged or partial
  const files: Files = new Map();
  for (const { name } of Object.values(QM9_FILES)) files.set(name, await Deno.readFile(`${from}/${name}`));
  return files.set(QM9_SMILES_FILE, await Deno.readFile(`${from}/${QM9_SMILES_FILE}`));
}

/**
 * Prepares QM9: reads `from`, checks it, writes the compact form with a list of sums, and moves it to `to` at the end,
 * so that `to` holds a whole set or what it held before.
 *
 * @returns the number of molecules
 * @throws {TypeError} naming what is damaged, cut short or partial
 */
export async function prepareQm9(options: PrepareOptions): Promise<number> {
  const { to, onProgress, signal } = options, from = options.from ?? QM9_ADDRESSES.archive;
  signal?.throwIfAborted();
  const isFolder = !isAddress(from) && (await Deno.stat(from)).isDirectory;
  const files = isFolder ? await fromFolder(from) : await fromArchive(from, options);
  files.set(MANIFEST, new TextEncoder().encode(await makeManifest(files)));

  return await replaceFolder(to, [...files.keys()], async (temporary) => {
    for (const [name, bytes] of files) {
      signal?.throwIfAborted();
      await Deno.writeFile(`${temporary}/${name}`, bytes);
    }
    const { count } = await openQm9(temporary);
    onProgress?.({ stage: "writing", molecules: count, total: count });
    return count;
  });
}
