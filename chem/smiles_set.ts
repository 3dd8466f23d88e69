/**
 * A set of SMILES in eight bytes each, to tell whether a molecule is new without shipping the training set.
 *
 * A SMILES is kept as the first 64 bits of its SHA-256. Of n kept ones another is taken for known with probability
 * n / 2^64. The file is those numbers, little endian, ascending.
 */
import { createHash } from "node:crypto";

/** What novelty asks of a training set. */
export interface SmilesSet {
  readonly size: number;
  has(smiles: string): boolean;
}

/** The 64 bits that a SMILES is kept as. */
export const smilesHash = (smiles: string): bigint => createHash("sha256").update(smiles).digest().readBigUInt64LE();

/** The file of these SMILES, doubles taken once. */
export function packSmiles(smiles: Iterable<string>): Uint8Array<ArrayBuffer> {
  const hashes = new Set<bigint>();
  for (const one of smiles) hashes.add(smilesHash(one));
  const bytes = new Uint8Array(8 * hashes.size), view = new DataView(bytes.buffer);
  const sorted = BigUint64Array.from(hashes).sort();
  sorted.forEach((value, i) => view.setBigUint64(8 * i, value, true));
  return bytes;
}

/**
 * Reads such a file.
 *
 * @param name what errors call it
 * @throws {TypeError} where it is cut short or not ascending
 */
export function unpackSmiles(bytes: Uint8Array, name = "the set of SMILES"): SmilesSet {
  if (bytes.length % 8 !== 0) {
    throw new TypeError(`${name}: ${bytes.length} bytes are no whole number of 8; cut short?`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hashes = new BigUint64Array(bytes.length / 8);
  for (let i = 0; i < hashes.length; i++) {
    hashes[i] = view.getBigUint64(8 * i, true);
    if (i > 0 && hashes[i] <= hashes[i - 1]) throw new TypeError(`${name}: entry ${i} is not above the one before it`);
  }
  return {
    size: hashes.length,
    has(smiles) {
      const wanted = smilesHash(smiles);
      let low = 0, high = hashes.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (hashes[middle] < wanted) low = middle + 1;
        else high = middle;
      }
      return low < hashes.length && hashes[low] === wanted;
    },
  };
}
