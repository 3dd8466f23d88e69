/**
 * Molecules of a seed in a folder, at most so many a file: `molstep-SEED-000001.sdf`, ... Chunk k has those of the k-th so many indices that pass the
 * filter; one that none passes has no file. `index.txt` names the files, a line each, and `index.json` is the record; both are there only when
 * all else is. Until then `index.journal` says what is finished: its first line is the run's head, each further one a chunk.
 */
import { join } from "node:path";
import { absent, writeAtomically } from "../model/diffusion/files.ts";
import { FolderInUseError } from "../model/diffusion/lock.ts";
import { type FileWriter, openMoleculeFile, writingTo, type WrittenFile } from "./molecule_file.ts";
import {
  addCounts,
  type Counts,
  differenceOf,
  noCounts,
  readSidecar,
  type RunHead,
  type Sidecar,
  writeSidecar,
} from "./sidecar.ts";

/** Files of the folder beside the molecules. */
export const INDEX = "index.txt", RECORD = "index.json", JOURNAL = "index.journal";

/** Most chunks: their numbers have six digits. */
export const CHUNKS_MAX = 999_999;

/** A chunk that is finished. */
interface Chunk {
  readonly counts: Counts;
  /** Null where the filter left no molecules. */
  readonly file: WrittenFile | null;
  /** What `unique` knows its molecules by. */
  readonly keys: readonly string[];
}

/** What a folder is to hold. */
export interface SplitOrder {
  readonly folder: string;
  /** Molecules a chunk, before the filter. */
  readonly size: number;
  readonly first: number;
  readonly count: number;
  /** Names without number and ending. */
  readonly stem: string;
  /** `sdf`, `sdf.gz`, ... */
  readonly form: string;
  readonly gzip: boolean;
}

/** A molecule to be put in its chunk. */
export interface Piece {
  readonly index: number;
  readonly text: string;
  /** What `unique` knows it by, where it is asked for. */
  readonly key?: string;
}

/** A folder that is being filled. */
export interface Split {
  /** Counts of all where all is there already. */
  readonly complete: Counts | undefined;
  /** Chunks that are finished, and all there will be. */
  readonly finished: number;
  readonly chunks: number;
  /** Index of the first molecule that is yet to be drawn. */
  readonly next: number;
  /** Keys of the molecules in finished chunks. */
  readonly keys: Iterable<string>;
  /** Counts of the molecule of an index, for whoever draws. */
  countsAt(index: number): Counts;
  /** Takes molecules in the order of their indices; all with an index below `drawnTo` have been drawn. */
  write(pieces: readonly Piece[], drawnTo: number): Promise<void>;
  /** Writes index and record, when all is drawn. @returns the counts of all */
  end(): Promise<Counts>;
  /** Gives up the chunk that is begun, and the folder. May be called at any time, and more than once. */
  close(): Promise<void>;
}

/** The seed of the run that a folder has, finished or not; undefined where it has none. */
export async function seedIn(folder: string): Promise<number | undefined> {
  const head = await readSidecar(join(folder, RECORD)) ?? (await readJournal(join(folder, JOURNAL)))?.head;
  return head?.request.seed as number | undefined;
}

interface Journal {
  readonly head: RunHead;
  readonly chunks: Chunk[];
  /** Bytes of the head and so many chunks. */
  readonly lengthOf: (chunks: number) => number;
}

/** The journal's lines as far as they are whole: the last may have been cut off. */
async function readJournal(path: string): Promise<Journal | undefined> {
  const text = await Deno.readTextFile(path).catch(absent), lines = text?.split("\n").slice(0, -1) ?? [];
  if (lines.length === 0) return undefined;
  const [head, ...chunks] = lines.map((line) => JSON.parse(line)), encoder = new TextEncoder();
  const lengthOf = (n: number) => encoder.encode(lines.slice(0, n + 1).map((line) => `${line}\n`).join("")).length;
  return { head, chunks, lengthOf };
}

/** Whether a file is there with all its bytes. */
async function isThere(folder: string, written: Pick<WrittenFile, "file" | "bytes"> | null): Promise<boolean> {
  if (!written) return true;
  const found = await Deno.stat(join(folder, written.file)).catch(() => undefined);
  return found?.isFile === true && found.size === written.bytes;
}

/**
 * Opens a folder, which is made where it is not there, and finds what is finished in it.
 *
 * @throws RangeError where there would be too many chunks, or the folder has another run's molecules; FolderInUseError where another process fills it
 */
export async function openSplit(order: SplitOrder, head: RunHead): Promise<Split> {
  const { folder, size, first, count, stem, form, gzip } = order, chunks = Math.ceil(count / size);
  if (chunks > CHUNKS_MAX) {
    throw new RangeError(
      `split must make at most ${CHUNKS_MAX} chunks of ${count} molecules; got ${size}, for ${chunks}`,
    );
  }
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, JOURNAL), record = join(folder, RECORD), index = join(folder, INDEX);
  const refuseOther = (there: RunHead) => {
    const difference = differenceOf(there, head);
    if (difference) {
      throw new RangeError(`${folder} must be of the same run, or empty; got one of another: ${difference}`);
    }
  };
  const done = await readSidecar(record);
  if (done) {
    refuseOther(done);
    const there = await Promise.all(done.files.map((one) => isThere(folder, one)));
    if (there.every(Boolean) && await Deno.stat(index).then(() => true, () => false)) {
      return filled(order, chunks, done);
    }
  }

  const file = await writingTo(path, () => Deno.open(path, { read: true, write: true, create: true }));
  let held = true;
  const letGo = () => {
    if (held) file.close(); // and with it the lock
    held = false;
  };
  const append = async (line: unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify(line) + "\n");
    await writingTo(path, async () => {
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
    });
  };

  const finished: Chunk[] = [], keysBefore: string[] = [];
  try {
    if (!await file.tryLock(true)) throw new FolderInUseError(folder, "another process");
    const journal = await readJournal(path);
    if (journal) {
      refuseOther(journal.head);
      for (const chunk of journal.chunks) {
        if (!await isThere(folder, chunk.file)) break;
        for (const key of chunk.keys) keysBefore.push(key);
        finished.push({ ...chunk, keys: [] });
      }
    }
    for (const name of [index, record]) await Deno.remove(name).catch(() => {});
    // Lines that hold no longer go.
    await file.truncate(journal ? journal.lengthOf(finished.length) : 0);
    await file.seek(0, Deno.SeekMode.End);
    if (!journal) await append(head);
  } catch (error) {
    letGo();
    throw error;
  }

  const nameOf = (chunk: number) => `${stem}-${String(chunk + 1).padStart(6, "0")}.${form}`;
  const endOf = (chunk: number) => first + Math.min(count, (chunk + 1) * size);
  let writer: FileWriter | undefined, keys: string[] = [];
  const ahead = new Map<number, Counts>();
  const chunkOf = (index: number) => Math.floor((index - first) / size);
  const countsAt = (index: number): Counts => {
    const chunk = chunkOf(index), counts = ahead.get(chunk) ?? noCounts();
    ahead.set(chunk, counts);
    return counts;
  };
  const finish = async () => {
    const chunk = finished.length, written = await writer?.close() ?? null;
    const done: Chunk = { counts: ahead.get(chunk) ?? noCounts(), file: written, keys };
    writer = undefined, keys = [];
    ahead.delete(chunk);
    await append(done);
    finished.push({ ...done, keys: [] });
  };

  return {
    complete: undefined,
    get finished() {
      return finished.length;
    },
    chunks,
    get next() {
      return first + Math.min(count, finished.length * size);
    },
    keys: keysBefore,
    countsAt,
    async write(pieces, drawnTo) {
      let at = 0;
      while (finished.length < chunks) {
        const end = endOf(finished.length), from = at;
        while (at < pieces.length && pieces[at].index < end) at++;
        if (at > from) {
          const mine = pieces.slice(from, at);
          writer ??= await openMoleculeFile(join(folder, nameOf(finished.length)), { gzip });
          await writer.write(mine.map(({ text }) => text).join(""));
          countsAt(end - 1).returned += mine.length;
          for (const { key } of mine) if (key !== undefined) keys.push(key);
        }
        if (drawnTo < end) break;
        await finish();
      }
    },
    async end() {
      const files = finished.flatMap(({ file, counts }) => file ? [{ ...file, molecules: counts.returned }] : []);
      const counts = finished.map((chunk) => chunk.counts).reduce(addCounts, noCounts());
      const lines = new TextEncoder().encode(files.map(({ file }) => `${file}\n`).join(""));
      await writingTo(index, () => writeAtomically(index, lines));
      await writeSidecar(record, { ...head, counts, files });
      await Deno.remove(path);
      return counts;
    },
    async close() {
      await writer?.abort();
      letGo();
    },
  };
}

/** A folder in which all is there. */
function filled({ first, count }: SplitOrder, chunks: number, { counts }: Sidecar): Split {
  const nothing = () => Promise.reject(new Error("all chunks are finished"));
  return {
    complete: counts,
    finished: chunks,
    chunks,
    next: first + count,
    keys: [],
    countsAt: noCounts,
    write: nothing,
    end: () => Promise.resolve(counts),
    close: () => Promise.resolve(),
  };
}
