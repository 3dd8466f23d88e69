/** How large the molecules of a request are: drawn from the training data's distribution, or from the part asked for. */
import { PURPOSE, random } from "./random.ts";

/** Bounds on a molecule's size, both included. */
export interface SizeRange {
  readonly min: number;
  readonly max: number;
}

/** What a card says of its data's sizes: how many molecules there are of each, and what is counted. */
export interface Sizes {
  readonly name: string;
  readonly sizes: Readonly<Record<string, number>>;
  readonly counts: "atoms" | "heavyAtoms";
}

/** Sizes with the weights that they are drawn with. */
export interface SizeDistribution {
  readonly sizes: readonly number[];
  readonly weights: readonly number[];
}

/**
 * The data's distribution, restricted to a range of sizes.
 *
 * @throws RangeError where the range reaches beyond the data's sizes, or holds none of them; it names the sizes there are
 */
export function sizeDistribution(card: Sizes, range?: SizeRange): SizeDistribution {
  const all = Object.entries(card.sizes).map(([size, count]) => [Number(size), count] as const)
    .sort(([a], [b]) => a - b);
  const kept = range ? all.filter(([size]) => size >= range.min && size <= range.max) : all;
  const smallest = all[0][0], largest = all[all.length - 1][0];
  if (range && (kept.length === 0 || range.min < smallest || range.max > largest)) {
    const asked = range.min === range.max ? `${range.min}` : `${range.min} to ${range.max}`;
    const lacking = kept.length === 0 ? "has no molecules of" : "has not all of";
    throw new RangeError(
      `model ${card.name} ${lacking} ${asked} ${countsWords(card.counts)}; it has ${smallest} to ${largest}`,
    );
  }
  return { sizes: kept.map(([size]) => size), weights: kept.map(([, count]) => count) };
}

/** "atoms" or "heavy atoms". */
export const countsWords = (counts: Sizes["counts"]) => counts === "atoms" ? "atoms" : "heavy atoms";

/** The size of molecule `index` of a seed: one uniform number through the inverse of the cumulative distribution. */
export function drawSize({ sizes, weights }: SizeDistribution, seed: number, index: number): number {
  const total = weights.reduce((a, b) => a + b, 0);
  let rest = random(seed, index, PURPOSE.size).uniform() * total;
  for (let k = 0; k < sizes.length - 1; k++) {
    rest -= weights[k];
    if (rest < 0) return sizes[k];
  }
  return sizes[sizes.length - 1];
}

/** Molecules of one size that are sampled together. */
export interface SizeBatch {
  readonly nodes: number;
  readonly indices: readonly number[];
}

/**
 * Molecules grouped by size, large sizes first, in batches as even as can be.
 *
 * @param sizes of molecule `from + k` at `k`
 * @param cap molecules that a batch may hold
 */
export function groupBySize(sizes: readonly number[], cap: number, from = 0): SizeBatch[] {
  if (!Number.isInteger(cap) || cap < 1) throw new RangeError(`molecules of a batch must be at least 1; got ${cap}`);
  const groups = new Map<number, number[]>();
  for (const [k, size] of sizes.entries()) {
    const group = groups.get(size);
    if (group) group.push(from + k);
    else groups.set(size, [from + k]);
  }
  return [...groups].sort(([a], [b]) => b - a).flatMap(([nodes, indices]) => {
    const parts = Math.ceil(indices.length / cap), batches: SizeBatch[] = [];
    for (let p = 0; p < parts; p++) {
      const cut = (q: number) => Math.round(q * indices.length / parts);
      batches.push({ nodes, indices: indices.slice(cut(p), cut(p + 1)) });
    }
    return batches;
  });
}
