/** Sorted runs of keys on disk, with a filter and the first word of each block in memory. */
import { partialOf } from "../../diffusion/files.ts";
import { KeyFilter } from "./filter.ts";
import { compareKeys, KEY_BYTES, sameKey, WORDS } from "./words.ts";

/** Keys of a block, the least that is read: 4 KiB. */
const BLOCK = 256;

/** Keys that are read or written at once where all are: 1 MiB. */
const CHUNK = 1 << 16;

/** Keys that come in ascending order, each once: words of the first `count` keys of `keys`, which is used again. */
export type SortedKeys = AsyncIterable<{ readonly keys: Uint32Array<ArrayBuffer>; readonly count: number }>;

/** Bytes of words. Little-endian machines only, which are all that Deno runs on. */
const bytesOf = (words: Uint32Array, count: number) =>
  new Uint8Array(words.buffer, words.byteOffset, KEY_BYTES * count);

/** Reads as many bytes as there are, or are asked for. */
async function fill(file: Deno.FsFile, into: Uint8Array): Promise<number> {
  let at = 0;
  while (at < into.length) {
    const got = await file.read(into.subarray(at));
    if (got === null) break;
    at += got;
  }
  return at;
}

/** All keys of a file. */
async function* keysOf(path: string): SortedKeys {
  using file = await Deno.open(path);
  const keys = new Uint32Array(WORDS * CHUNK), bytes = bytesOf(keys, CHUNK);
  for (let got; (got = await fill(file, bytes)) > 0;) yield { keys, count: got / KEY_BYTES };
}

/** A run that is open for questions. It holds the filter (1.5 bytes a key) and a word for each 256 keys. */
export class KeyRun implements Disposable {
  readonly #block = new Uint32Array(WORDS * BLOCK);
  readonly #file: Deno.FsFile;

  private constructor(
    readonly path: string,
    readonly count: number,
    private readonly filter: KeyFilter,
    /** The first word of each block's first key. */
    private readonly firsts: Uint32Array,
  ) {
    this.#file = Deno.openSync(path);
  }

  /**
   * Opens a run by reading it once.
   *
   * @throws RangeError where the file has not the size of so many keys
   */
  static async open(path: string, count: number): Promise<KeyRun> {
    const { size } = await Deno.stat(path);
    if (size !== KEY_BYTES * count) {
      throw new RangeError(`${path} must have ${KEY_BYTES * count} bytes for ${count} keys; got ${size}`);
    }
    return await KeyRun.#of(path, count, keysOf(path));
  }

  /** Writes a run of at most `most` keys beside its place, on the disk when this ends. */
  static async write(path: string, most: number, sorted: SortedKeys): Promise<KeyRun> {
    const partial = partialOf(path);
    let run: { filter: KeyFilter; firsts: Uint32Array; count: number };
    {
      using file = await Deno.open(partial, { write: true, create: true, truncate: true });
      run = await index(most, sorted, async (bytes) => {
        for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      });
      await file.sync();
    }
    await Deno.rename(partial, path);
    return new KeyRun(path, run.count, run.filter, run.firsts);
  }

  static async #of(path: string, count: number, sorted: SortedKeys): Promise<KeyRun> {
    const { filter, firsts } = await index(count, sorted);
    return new KeyRun(path, count, filter, firsts);
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.filter.bytes + this.firsts.byteLength + this.#block.byteLength;
  }

  /** Whether the run has the key whose words begin at `at`: of most that it has not, without a look at the disk. */
  has(keys: Uint32Array, at: number): boolean {
    if (!this.filter.mayHave(keys, at)) return false;
    const { firsts } = this, word = keys[at];
    // The last block that begins below the word: it or those that begin with the word have the key.
    let low = 0, high = firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (firsts[middle] < word) low = middle + 1;
      else high = middle;
    }
    for (let k = Math.max(0, low - 1); k < firsts.length && firsts[k] <= word; k++) {
      if (this.#blockHas(k, keys, at)) return true;
    }
    return false;
  }

  #blockHas(block: number, keys: Uint32Array, at: number): boolean {
    const count = Math.min(BLOCK, this.count - BLOCK * block), bytes = bytesOf(this.#block, count);
    this.#file.seekSync(KEY_BYTES * BLOCK * block, Deno.SeekMode.Start);
    for (let got = 0; got < bytes.length;) {
      const more = this.#file.readSync(bytes.subarray(got));
      if (more === null) throw new RangeError(`${this.path} must have ${KEY_BYTES * this.count} bytes; it ends before`);
      got += more;
    }
    let low = 0, high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#block, WORDS * middle, keys, at) < 0) low = middle + 1;
      else high = middle;
    }
    return low < count && sameKey(this.#block, WORDS * low, keys, at);
  }

  /** Its keys in order. */
  keys(): SortedKeys {
    return keysOf(this.path);
  }

  /** Closes the file, which stays. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Goes through sorted keys: fills a filter for `most` of them, notes the first word of each block, and hands on the bytes. */
async function index(most: number, sorted: SortedKeys, write?: (bytes: Uint8Array) => Promise<void>) {
  const filter = new KeyFilter(most), firsts = new Uint32Array(Math.ceil(most / BLOCK));
  let count = 0;
  for await (const { keys, count: more } of sorted) {
    for (let k = 0; k < more; k++, count++) {
      filter.add(keys, WORDS * k);
      if (count % BLOCK === 0) firsts[count / BLOCK] = keys[WORDS * k];
    }
    await write?.(bytesOf(keys, more));
  }
  return { filter, firsts: firsts.subarray(0, Math.ceil(count / BLOCK)), count };
}

/** Runs that share no key, merged. */
export async function* merged(runs: readonly SortedKeys[]): SortedKeys {
  const heads = runs.map((run) => ({ from: run[Symbol.asyncIterator](), keys: new Uint32Array(), at: 0, end: 0 }));
  const refill = async (head: typeof heads[number]) => {
    const { value, done } = await head.from.next();
    if (done) heads.splice(heads.indexOf(head), 1);
    else [head.keys, head.at, head.end] = [value.keys, 0, WORDS * value.count];
  };
  for (const head of [...heads]) await refill(head);
  const out = new Uint32Array(WORDS * CHUNK);
  let filled = 0;
  while (heads.length > 0) {
    let least = heads[0];
    for (let k = 1; k < heads.length; k++) {
      const head = heads[k];
      if (compareKeys(head.keys, head.at, least.keys, least.at) < 0) least = head;
    }
    for (let k = 0; k < WORDS; k++) out[filled++] = least.keys[least.at++];
    if (least.at === least.end) await refill(least);
    if (filled === out.length) {
      yield { keys: out, count: CHUNK };
      filled = 0;
    }
  }
  if (filled > 0) yield { keys: out, count: filled / WORDS };
}
