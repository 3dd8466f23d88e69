/** Records of what a set is made from, one at a time: an SDF file, or a folder in compact form. */
import { type ByteSource, decompress } from "../archive.ts";
import { checkSplit, PARTS, SMILES_FILE, SPLIT_FILES } from "../compact.ts";
import type { Part } from "../data_set.ts";
import type { Bond, Molecule } from "../molecule.ts";
import { readNpy } from "../npy.ts";
import { TITLE_MAX } from "../sdf.ts";
import { moleculeOf, POSITION_UNITS, readAbout, SET_FILES } from "./form.ts";
import { type NpyReader, openNpy } from "./npy_stream.ts";

/** A record: its molblock, or its molecule with bonds; or why it is neither. */
export type SetRecord =
  & { readonly title: string }
  & (
    | { readonly block: string }
    | { readonly molecule: Molecule & { readonly bonds: readonly Bond[] } }
    | { readonly broken: string }
  );

/** Records in order. */
export interface RecordSource {
  readonly records: AsyncIterable<SetRecord>;
  /** The share of the source that is read, 0 to 1. */
  readonly done: () => number;
  /** The part of each record's molecule, and how it was chosen, where the source says it. */
  readonly split?: { readonly partOf: (record: number) => Part; readonly words: string };
}

/** Most characters of an SDF record; what is longer is passed over. */
export const RECORD_MAX = 1 << 20;

const END = /^M {2}END/m, DELIMITER = "$$$$";

/** The text between delimiters, each record's; undefined of one that is too long. */
async function* sdfTexts(source: ByteSource, most: number): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder();
  let lines: string[] = [], length = 0, rest = "", long = false;
  const whole = () => {
    const text = long ? undefined : lines.join("\n") + "\n";
    lines = [], length = 0, long = false;
    return text;
  };
  const take = (line: string) => {
    length += line.length + 1;
    if (length > RECORD_MAX) long = true, lines = [];
    else lines.push(line);
  };
  let read = 0;
  for await (const bytes of decompress(source)) {
    if ((read += bytes.length) > most) throw new RangeError(`the file must have at most ${most} bytes, uncompressed`);
    const parts = (rest + decoder.decode(bytes, { stream: true })).split(/\r?\n/);
    rest = parts.pop()!;
    for (const line of parts) {
      if (line.startsWith(DELIMITER)) yield whole();
      else take(line);
    }
    // A line without an end is kept no longer than a record may be.
    if (rest.length > RECORD_MAX) take(rest), rest = "";
  }
  if (rest.startsWith(DELIMITER)) yield whole();
  else {
    take(rest);
    // A last record without its delimiter counts where there is something in it.
    if (long || lines.some((line) => line.trim() !== "")) yield whole();
  }
}

/** A record's molblock and title. */
function sdfRecordOf(text: string | undefined): SetRecord {
  if (text === undefined) return { title: "", broken: `the record has more than ${RECORD_MAX} characters` };
  const title = text.slice(0, text.indexOf("\n")).trim().slice(0, TITLE_MAX), end = END.exec(text);
  return end ? { title, block: text.slice(0, end.index) + "M  END\n" } : { title, broken: "there is no M  END" };
}

/**
 * The records of an SDF file, compressed or not.
 *
 * @param most bytes that it may have, uncompressed
 * @throws {Deno.errors.NotFound}; while reading {TypeError} where its compression is damaged, {RangeError} where it is longer
 */
export function sdfSource(path: string, most = Infinity): RecordSource {
  const file = Deno.openSync(path), { size } = file.statSync();
  let read = 0;
  async function* counted() {
    for await (const bytes of file.readable) {
      read += bytes.length;
      yield bytes;
    }
  }
  async function* records() {
    for await (const text of sdfTexts(counted(), most)) yield sdfRecordOf(text);
  }
  return { records: records(), done: () => size === 0 ? 1 : read / size };
}

/** Lines of a text file, compressed or not; none where it is not there. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const file = await Deno.open(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (!file) return;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of decompress(file.readable)) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== "") yield rest;
}

/**
 * The molecules of a folder in compact form (`form.ts`), prepared or not: its list, its SMILES and its split may be missing. Their titles are
 * the lines of the SMILES.
 *
 * @param units parts of an angstrom that positions are in, where the folder has no list; default {@link POSITION_UNITS}
 * @throws {Deno.errors.NotFound} naming the file that is not there
 * @throws {TypeError} naming the file that is damaged, or, also while reading, does not agree with the others
 */
export async function compactSource(folder: string, units?: number): Promise<RecordSource> {
  const about = await readAbout(folder), scale = about?.unitsPerAngstrom ?? units ?? POSITION_UNITS;
  const arrays = openArrays(folder), { rows } = arrays.atomCounts;
  try {
    const partOf = await splitOf(folder, rows), words = about?.splitWords ?? "the source's own";
    const at = { row: 0 }, records = moleculesOf(arrays, scale, linesOf(`${folder}/${SMILES_FILE}`), at);
    return { records, done: () => at.row / Math.max(1, rows), ...partOf && { split: { partOf, words } } };
  } catch (error) {
    arrays.close();
    throw error;
  }
}

/** A folder's arrays, but for the split's. */
function openArrays(folder: string) {
  const opened: NpyReader[] = [], close = () => opened.splice(0).forEach((reader) => reader.close());
  const open = <K extends keyof typeof SET_FILES>(key: K) => {
    const reader = openNpy<typeof SET_FILES[K]["type"]>(`${folder}/${SET_FILES[key].name}`, SET_FILES[key]);
    opened.push(reader);
    return reader;
  };
  try {
    return {
      atomCounts: open("atomCounts"),
      atomicNumbers: open("atomicNumbers"),
      charges: open("charges"),
      positions: open("positions"),
      bondCounts: open("bondCounts"),
      bonds: open("bonds"),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The molecules one after another; `at` tells which is next. */
async function* moleculesOf(
  { atomCounts, atomicNumbers, charges, positions, bondCounts, bonds, close }: ReturnType<typeof openArrays>,
  scale: number,
  titles: AsyncGenerator<string>,
  at: { row: number },
): AsyncGenerator<SetRecord> {
  try {
    for (; at.row < atomCounts.rows; at.row++) {
      const title = (await titles.next()).value?.slice(0, TITLE_MAX) ?? "", [atoms] = atomCounts.next(1);
      const molecule = moleculeOf({
        atomicNumbers: atomicNumbers.next(atoms),
        charges: charges.next(atoms),
        positions: positions.next(atoms),
        bonds: bonds.next(bondCounts.next(1)[0]),
      }, scale);
      yield { title, molecule };
    }
  } finally {
    await titles.return(undefined);
    close();
  }
}

/** The part of each row by a folder's split; undefined where it has none. @throws {TypeError} where it is damaged, or not of all rows */
async function splitOf(folder: string, rows: number): Promise<((row: number) => Part) | undefined> {
  const parts: Partial<Record<Part, Int32Array>> = {};
  for (const part of PARTS) {
    const path = `${folder}/${SPLIT_FILES[part].name}`,
      bytes = await Deno.readFile(path).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    if (!bytes) return undefined;
    parts[part] = readNpy(bytes, SPLIT_FILES[part].type, path).data;
  }
  const split = parts as Record<Part, Int32Array>;
  checkSplit(split, rows, folder);
  const of = new Uint8Array(rows);
  PARTS.forEach((part, k) => split[part].forEach((row) => of[row] = k));
  return (row) => PARTS[of[row]];
}
