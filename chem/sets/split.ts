/** Which part of a set each molecule is of, where the source does not say: by the molecules' own hashes, so that it is the same in any order. */
import type { DataSet, Part } from "../data_set.ts";

/** Shares of the parts that are held out. */
const HELD_OUT = { test: 0.05, valid: 0.05 } as const;

/** The same, in words. */
export const HASH_SPLIT =
  "by the hash of the SMILES without stereo: 90 % to train on, 5 % to validate, 5 % to test, a molecule's conformers together";

/**
 * A split by hashes: molecules in the order of their hashes, the first of them to test, the next to validate. Molecules of one hash are of one part.
 * Of three different molecules or more each part has one at least.
 *
 * @returns the rows of each part, ascending
 */
export function splitByHash(hashes: BigUint64Array): DataSet["split"] {
  const order = Uint32Array.from(hashes.keys()).sort((a, b) =>
    hashes[a] < hashes[b] ? -1 : hashes[a] > hashes[b] ? 1 : a - b
  );
  const rows: Record<Part, number[]> = { train: [], valid: [], test: [] };
  const due = { test: Math.ceil(HELD_OUT.test * hashes.length), valid: Math.ceil(HELD_OUT.valid * hashes.length) };
  const groups = groupsOf(order, hashes);
  for (const [k, group] of groups.entries()) {
    // What is to be trained on keeps one molecule, and what validates one before that.
    const left = groups.length - k;
    const part = left > 2 && rows.test.length < due.test
      ? "test"
      : left > 1 && rows.valid.length < due.valid
      ? "valid"
      : "train";
    for (const row of group) rows[part].push(row);
  }
  const sorted = (part: Part) => Int32Array.from(rows[part]).sort();
  return { train: sorted("train"), valid: sorted("valid"), test: sorted("test") };
}

/** Rows of one hash, together. */
function groupsOf(order: Uint32Array, hashes: BigUint64Array): number[][] {
  const groups: number[][] = [];
  for (const row of order) {
    const last = groups.at(-1);
    if (last && hashes[last[0]] === hashes[row]) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

/** Rows whose hash another row before them has. */
export function repeatedOf(hashes: BigUint64Array): number {
  const sorted = hashes.slice().sort();
  return sorted.reduce((repeated, one, k) => repeated + (k > 0 && sorted[k - 1] === one ? 1 : 0), 0);
}
