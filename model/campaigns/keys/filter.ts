/** A blocked Bloom filter (Putze, Sanders & Singler, ACM JEA 2009, doi:10.1145/1498698.1594230): a key's bits are all in one cache line. */
import { hashOf } from "./words.ts";

/** Bits of a block: a cache line. */
const BLOCK_BITS = 512, BLOCK_WORDS = BLOCK_BITS / 32;

/** Bits a key has of the filter, and how many of them are set. */
const BITS_PER_KEY = 12, SET_BITS = 6;

/** Tells of most keys that are not in a set that they are not: 1.5 bytes a key, some 0.6 % of others pass. */
export class KeyFilter {
  readonly #words: Uint32Array;
  readonly #blocks: number;

  /** @param keys how many will be added */
  constructor(keys: number) {
    this.#blocks = Math.max(1, Math.ceil(keys * BITS_PER_KEY / BLOCK_BITS));
    this.#words = new Uint32Array(this.#blocks * BLOCK_WORDS);
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#words.byteLength;
  }

  /** Adds the key whose words begin at `at`. */
  add(keys: Uint32Array, at: number): void {
    const block = this.#blockOf(keys, at);
    let step = hashOf(keys, at, 2), bit = step >>> 23;
    step |= 1;
    for (let k = 0; k < SET_BITS; k++, bit = Math.imul(step, k + 3) >>> 23) {
      this.#words[block + (bit >>> 5)] |= 1 << (bit & 31);
    }
  }

  /** False where the key was never added. */
  mayHave(keys: Uint32Array, at: number): boolean {
    const block = this.#blockOf(keys, at);
    let step = hashOf(keys, at, 2), bit = step >>> 23;
    step |= 1;
    for (let k = 0; k < SET_BITS; k++, bit = Math.imul(step, k + 3) >>> 23) {
      if ((this.#words[block + (bit >>> 5)] & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  /** The first word of the key's block. */
  #blockOf(keys: Uint32Array, at: number): number {
    return BLOCK_WORDS * Math.floor(hashOf(keys, at, 1) / 2 ** 32 * this.#blocks);
  }
}
