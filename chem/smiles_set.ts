/**
 * A set of SMILES in five bytes each, to tell whether a molecule is new without shipping the training set.
 *
 * A SMILES is kept as the first 40 bits of its SHA-256. Of n kept ones another is taken for known with probability
 * n / 2^40, of QM9's training split 1e-7. The file is those numbers, little endian, ascending.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** What novelty asks of a training set. */
export interface SmilesSet {
  readonly size: number;
  has(smiles: string): boolean;
}

/** Bytes of an entry. */
const BYTES = 5;

/** The first 64 bits of a SMILES's SHA-256. */
export const smilesHash = (smiles: string): bigint => createHash("sha256").update(smiles).digest().readBigUInt64LE();

/** What a SMILES is kept as, a whole number that a float holds. */
const kept = (smiles: string): number => Number(BigInt.asUintN(8 * BYTES, smilesHash(smiles)));

/** The file of these SMILES, doubles taken once. */
export function packSmiles(smiles: Iterable<string>): Uint8Array<ArrayBuffer> {
  const hashes = new Set<number>();
  for (const one of smiles) hashes.add(kept(one));
  const bytes = Buffer.alloc(BYTES * hashes.size);
  Float64Array.from(hashes).sort().forEach((value, i) => bytes.writeUIntLE(value, BYTES * i, BYTES));
  return new Uint8Array(bytes);
}

/**
 * Reads such a file.
 *
 * @param name what errors call it
 * @throws {TypeError} where it is cut short or not ascending
 */
export function unpackSmiles(bytes: Uint8Array, name = "the set of SMILES"): SmilesSet {
  if (bytes.length % BYTES !== 0) {
    throw new TypeError(`${name}: ${bytes.length} bytes are no whole number of ${BYTES}; cut short?`);
  }
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hashes = new Float64Array(bytes.length / BYTES);
  for (let i = 0; i < hashes.length; i++) {
    hashes[i] = view.readUIntLE(BYTES * i, BYTES);
    if (i > 0 && hashes[i] <= hashes[i - 1]) throw new TypeError(`${name}: entry ${i} is not above the one before it`);
  }
  return {
    size: hashes.length,
    has(smiles) {
      const wanted = kept(smiles);
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
