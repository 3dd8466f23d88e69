/** InChIKeys as four words of 32 bits, exactly: 25 letters of 4.7 bits. */

/** Words of a key. */
export const WORDS = 4;

/** Bytes of a key. */
export const KEY_BYTES = 4 * WORDS;

/** What an InChIKey looks like: 14 letters, 10, and 1 (https://www.inchi-trust.org/technical-faq-2/). */
const INCHIKEY = /^[A-Z]{14}-[A-Z]{10}-[A-Z]$/;

/** Six letters from `at` as a number below 26^6; the hyphens at 14 and 25 are passed over. */
function letters(key: string, at: number): number {
  let value = 0;
  for (let k = at; k < at + 6; k++) value = 26 * value + key.charCodeAt(k < 14 ? k : k + 1) - 65;
  return value;
}

/**
 * Writes an InChIKey into `out` from `at` on. 26^6 goes 13 times into a word, so the last letter, 13 a + b, is put beside two others:
 * the second word is never 0. The words' order has nothing to do with that of the keys as text.
 *
 * @throws RangeError for text that is no InChIKey
 */
export function setWords(key: string, out: Uint32Array, at: number): void {
  if (!INCHIKEY.test(key)) throw new RangeError(`key must be an InChIKey; got ${JSON.stringify(key.slice(0, 60))}`);
  const last = key.charCodeAt(26) - 65;
  out[at] = 13 * letters(key, 0) + last % 13;
  out[at + 1] = 2 * letters(key, 6) + (last > 12 ? 1 : 0) + 1;
  out[at + 2] = letters(key, 12);
  out[at + 3] = letters(key, 18);
}

/** Whether two keys are the same. */
export const sameKey = (a: Uint32Array, i: number, b: Uint32Array, j: number): boolean =>
  a[i] === b[j] && a[i + 1] === b[j + 1] && a[i + 2] === b[j + 2] && a[i + 3] === b[j + 3];

/** Less than 0, 0 or more, as a key comes before another, is it, or comes after it. */
export function compareKeys(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
  for (let k = 0; k < WORDS; k++) if (a[i + k] !== b[j + k]) return a[i + k] < b[j + k] ? -1 : 1;
  return 0;
}

/** A hash of 32 bits, of Murmur's finaliser (https://github.com/aappleby/smhasher) over the words; others of other seeds. */
export function hashOf(keys: Uint32Array, at: number, seed: number): number {
  let hash = seed;
  for (let k = 0; k < WORDS; k++) {
    hash ^= keys[at + k];
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

/** The order of `count` keys, as indices: native sorting of the first word's upper bits with the index behind them, in doubles of 53 bits. */
export function sortedOrder(keys: Uint32Array, count: number): Uint32Array {
  const indexSize = 2 ** Math.ceil(Math.log2(Math.max(2, count))), kept = Math.min(32, 53 - Math.log2(indexSize));
  const packed = new Float64Array(count), shift = 2 ** (32 - kept);
  for (let k = 0; k < count; k++) packed[k] = Math.floor(keys[WORDS * k] / shift) * indexSize + k;
  packed.sort();
  const order = Uint32Array.from(packed, (value) => value % indexSize);
  // What agrees in those bits stands together, two or three at a time.
  for (let k = 1; k < count; k++) {
    const one = order[k];
    let at = k;
    for (; at > 0 && compareKeys(keys, WORDS * order[at - 1], keys, WORDS * one) > 0; at--) order[at] = order[at - 1];
    order[at] = one;
  }
  return order;
}
