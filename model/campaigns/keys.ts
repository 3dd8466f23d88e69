/** A set of InChIKeys in bounded memory: a table of the last ones, and sorted runs on disk that are merged by size, as in a log-structured merge tree. */
import { join } from "node:path";
import { z } from "zod";
import { absent, writeAtomically } from "../diffusion/files.ts";
import { KeyRun, merged, type SortedKeys } from "./keys/run.ts";
import { hashOf, KEY_BYTES, sameKey, setWords, sortedOrder, WORDS } from "./keys/words.ts";

/** The file that says what is in the set; another file of the folder is not. */
const MANIFEST = "keys.json";

/** Runs of about one size that are merged into one. */
const FAN = 4;

const file = z.strictObject({ name: z.string(), keys: z.int().min(0) });

/** What is in the set, since it was last kept. */
const manifestSchema = z.strictObject({
  format: z.literal(1),
  /** The number in the name of the next file. */
  next: z.int().min(0),
  runs: z.array(file),
  /** Keys in the order in which they came, since the last run. */
  journal: file,
  /** Where the caller stood. */
  mark: z.json(),
});

/** How a set keeps its keys. */
export interface KeySetOptions {
  /** Keys that memory holds until they become a run, at the next {@link KeySet.keep}; 2^20 by default. Each takes 24 to 40 bytes. */
  readonly spill?: number;
}

/**
 * A set of InChIKeys that says of each key, in the order in which they come, whether it is new. What was added since the last {@link keep} is
 * forgotten when the process ends, and `mark` says where that was: who goes on from there gets the same answers as if nothing had ended.
 *
 * Memory: the last keys, 1.5 bytes for each key on disk, and some MiB. Disk: 16 bytes a key, and twice that while runs are merged.
 *
 * @example
 * ```ts
 * const folder = await Deno.makeTempDir();
 * using keys = await KeySet.open(folder);
 * console.log(keys.add(["LFQSCWFLJHTTHZ-UHFFFAOYSA-N", "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"])); // [true, false]
 * await keys.keep({ shard: 1 });
 * ```
 */
export class KeySet implements Disposable {
  /** Keys since the last run, in the order in which they came. */
  #last = new Uint32Array(WORDS << 12);
  #count = 0;
  /** How many of them the journal has. */
  #kept = 0;
  /** Open addressing: indices into the last keys, and 1 more. */
  #table = new Uint32Array(1 << 13);
  #journal: Deno.FsFile;
  #keeping = false;

  private constructor(
    readonly folder: string,
    private readonly spill: number,
    private state: z.infer<typeof manifestSchema>,
    private runs: KeyRun[],
  ) {
    this.#journal = Deno.openSync(join(folder, state.journal.name), { read: true, write: true, create: true });
  }

  /**
   * Opens the set of a folder, or begins one there. One process at a time.
   *
   * @throws RangeError where a file is not as it was left: the set must then be made anew from what it was made of
   */
  static async open(folder: string, { spill = 1 << 20 }: KeySetOptions = {}): Promise<KeySet> {
    await Deno.mkdir(folder, { recursive: true });
    const text = await Deno.readTextFile(join(folder, MANIFEST)).catch(absent);
    const state = text === undefined
      ? { format: 1 as const, next: 1, runs: [], journal: { name: "journal-0", keys: 0 }, mark: null }
      : manifestSchema.parse(JSON.parse(text));
    const named = new Set([MANIFEST, state.journal.name, ...state.runs.map(({ name }) => name)]);
    for await (const { name } of Deno.readDir(folder)) if (!named.has(name)) await Deno.remove(join(folder, name));
    const runs: KeyRun[] = [];
    for (const { name, keys } of state.runs) runs.push(await KeyRun.open(join(folder, name), keys));
    const set = new KeySet(folder, spill, state, runs);
    set.#readJournal();
    return set;
  }

  /** How many keys it has. */
  get size(): number {
    return this.runs.reduce((sum, { count }) => sum + count, this.#count);
  }

  /** What the last {@link keep} was given; null of a new set. */
  get mark(): z.infer<typeof manifestSchema>["mark"] {
    return this.state.mark;
  }

  /** Bytes of memory that its arrays take. */
  get memory(): number {
    return this.runs.reduce((sum, { bytes }) => sum + bytes, this.#last.byteLength + this.#table.byteLength);
  }

  /**
   * Adds InChIKeys, and says of each whether it was not there before.
   *
   * @throws RangeError for text that is no InChIKey; those before it are in
   * @throws Error while the set is being kept
   */
  add(keys: readonly string[]): boolean[] {
    if (this.#keeping) throw new Error("keys must not be added while the set is being kept");
    return keys.map((key) => {
      if (WORDS * (this.#count + 1) > this.#last.length) this.#grow();
      setWords(key, this.#last, WORDS * this.#count);
      return this.#addLast();
    });
  }

  /** Adds the key behind the last ones, if it is new. */
  #addLast(): boolean {
    const at = WORDS * this.#count, slot = this.#slotOf(at);
    if (this.#table[slot] !== 0 || this.runs.some((run) => run.has(this.#last, at))) return false;
    this.#table[slot] = ++this.#count;
    return true;
  }

  /** Where the key at `at` is in the table, or where it would be. */
  #slotOf(at: number): number {
    const mask = this.#table.length - 1;
    let slot = hashOf(this.#last, at, 3) & mask;
    for (let found; (found = this.#table[slot]) !== 0; slot = (slot + 1) & mask) {
      if (sameKey(this.#last, WORDS * (found - 1), this.#last, at)) break;
    }
    return slot;
  }

  /** Makes room for twice as many. */
  #grow(): void {
    const last = new Uint32Array(2 * this.#last.length);
    last.set(this.#last);
    this.#last = last;
    this.#table = new Uint32Array(2 * this.#table.length);
    for (let k = 0; k < this.#count; k++) this.#table[this.#slotOf(WORDS * k)] = k + 1;
  }

  /**
   * Keeps all keys until now, and with them where the caller stands: both or neither are there after a crash. Many keys become a run, and runs are
   * merged then, which may take seconds; the event loop turns meanwhile.
   */
  async keep(mark: z.infer<typeof manifestSchema>["mark"]): Promise<void> {
    if (this.#keeping) throw new Error("keep() must not be called while the set is being kept");
    this.#keeping = true;
    try {
      await this.#append();
      await this.#write({ journal: { ...this.state.journal, keys: this.#kept }, mark });
      if (this.#count >= this.spill) await this.#spill();
    } finally {
      this.#keeping = false;
    }
  }

  /** Adds to the journal what came since the last time. */
  async #append(): Promise<void> {
    const fresh = new Uint8Array(this.#last.buffer, KEY_BYTES * this.#kept, KEY_BYTES * (this.#count - this.#kept));
    this.#journal.seekSync(KEY_BYTES * this.#kept, Deno.SeekMode.Start);
    for (let at = 0; at < fresh.length;) at += await this.#journal.write(fresh.subarray(at));
    await this.#journal.sync();
    this.#kept = this.#count;
  }

  /** The last keys become a run, and runs of one size a larger one. */
  async #spill(): Promise<void> {
    await this.#replace([], this.#count, this.#sorted(), true);
    const level = ({ count }: KeyRun) => Math.floor(Math.log(Math.max(1, count / this.spill)) / Math.log(FAN));
    while (this.runs.length >= FAN) {
      const equals = this.runs.slice(-FAN);
      if (equals.some((run) => level(run) > level(this.runs.at(-1)!))) break;
      await this.#replace(
        equals,
        equals.reduce((sum, { count }) => sum + count, 0),
        merged(equals.map((run) => run.keys())),
      );
    }
  }

  /** Puts a new run into the place of the last ones, or of the journal. */
  async #replace(old: readonly KeyRun[], count: number, sorted: SortedKeys, journal = false): Promise<void> {
    const { next } = this.state, name = `run-${next}`;
    const run = await KeyRun.write(join(this.folder, name), count, sorted);
    const runs = [...this.state.runs.slice(0, this.runs.length - old.length), { name, keys: run.count }];
    const began = this.state.journal, begun = journal ? { name: `journal-${next + 1}`, keys: 0 } : began;
    await this.#write({ next: next + 2, runs, journal: begun });
    this.runs = [...this.runs.slice(0, this.runs.length - old.length), run];
    for (const one of old) {
      one[Symbol.dispose]();
      await Deno.remove(one.path);
    }
    if (!journal) return;
    this.#journal.close();
    await Deno.remove(join(this.folder, began.name));
    this.#journal = Deno.openSync(join(this.folder, begun.name), { read: true, write: true, create: true });
    this.#table.fill(0);
    this.#count = this.#kept = 0;
  }

  async *#sorted(): SortedKeys {
    const order = sortedOrder(this.#last, this.#count), piece = 1 << 16, keys = new Uint32Array(WORDS * piece);
    for (let from = 0; from < order.length; from += piece) {
      const count = Math.min(piece, order.length - from);
      for (let k = 0; k < count; k++) {
        const at = WORDS * order[from + k];
        for (let word = 0; word < WORDS; word++) keys[WORDS * k + word] = this.#last[at + word];
      }
      yield { keys, count };
    }
  }

  async #write(change: Partial<z.infer<typeof manifestSchema>>): Promise<void> {
    const state = { ...this.state, ...change };
    await writeAtomically(join(this.folder, MANIFEST), new TextEncoder().encode(JSON.stringify(state)));
    this.state = state;
  }

  #readJournal(): void {
    const { name, keys } = this.state.journal, bytes = new Uint8Array(KEY_BYTES * keys);
    for (let at = 0; at < bytes.length;) {
      const got = this.#journal.readSync(bytes.subarray(at));
      if (got === null) {
        throw new RangeError(`${join(this.folder, name)} must have ${bytes.length} bytes; it ends at ${at}`);
      }
      at += got;
    }
    const words = new Uint32Array(bytes.buffer);
    for (let k = 0; k < keys; k++) {
      if (WORDS * (this.#count + 1) > this.#last.length) this.#grow();
      this.#last.set(words.subarray(WORDS * k, WORDS * (k + 1)), WORDS * this.#count);
      this.#addLast();
    }
    this.#kept = this.#count;
  }

  /** Closes its files; what was not kept is forgotten. */
  [Symbol.dispose](): void {
    this.#journal.close();
    for (const run of this.runs) run[Symbol.dispose]();
  }
}
