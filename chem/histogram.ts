/** Histograms, and distances between them. */

/** Counts in bins of `width`; bin k holds values from `(first + k) * width` up to the next bin. */
export interface Histogram {
  readonly width: number;
  /** The bin that `counts[0]` counts. */
  readonly first: number;
  readonly counts: readonly number[];
}

export interface HistogramBuilder {
  add(value: number): void;
  histogram(): Histogram;
}

/** Makes a histogram value by value. */
export function createHistogram(width: number): HistogramBuilder {
  if (!(width > 0)) throw new RangeError(`the bin width must be above 0; got ${width}`);
  const bins = new Map<number, number>();
  return {
    add(value) {
      // Whole multiples of the width must not fall a bin short by rounding (0.3 / 0.1 = 2.9999...).
      const bin = Math.floor(value / width + 1e-9);
      bins.set(bin, (bins.get(bin) ?? 0) + 1);
    },
    histogram() {
      if (bins.size === 0) return { width, first: 0, counts: [] };
      const keys = [...bins.keys()], first = keys.reduce((a, b) => Math.min(a, b));
      const last = keys.reduce((a, b) => Math.max(a, b));
      return { width, first, counts: Array.from({ length: last - first + 1 }, (_, k) => bins.get(first + k) ?? 0) };
    },
  };
}

export const total = (counts: readonly number[]) => counts.reduce((sum, n) => sum + n, 0);

/** The mean, of bins' lower edges; exact where values are whole multiples of the width. Null of nothing. */
export function meanOf({ width, first, counts }: Histogram): number | null {
  const n = total(counts);
  return n === 0 ? null : counts.reduce((sum, count, k) => sum + count * (first + k), 0) * width / n;
}

/** Both on the same bins, as probabilities; null where either is empty. */
function align(a: Histogram, b: Histogram): [number[], number[]] | null {
  if (a.width !== b.width) {
    throw new RangeError(`bin widths of two histograms must be equal; got ${a.width} and ${b.width}`);
  }
  const na = total(a.counts), nb = total(b.counts);
  if (na === 0 || nb === 0) return null;
  const first = Math.min(a.first, b.first);
  const length = Math.max(a.first + a.counts.length, b.first + b.counts.length) - first;
  const spread = (h: Histogram, n: number) => {
    return Array.from({ length }, (_, k) => (h.counts[first + k - h.first] ?? 0) / n);
  };
  return [spread(a, na), spread(b, nb)];
}

/**
 * The 1-Wasserstein (earth mover's) distance: the integral of the difference of the cumulative distributions, in the
 * values' own unit, to the width of a bin. Null where either is empty.
 */
export function wasserstein(a: Histogram, b: Histogram): number | null {
  const aligned = align(a, b);
  if (aligned === null) return null;
  const [p, q] = aligned;
  let difference = 0, sum = 0;
  for (let k = 0; k < p.length; k++) {
    difference += p[k] - q[k];
    sum += Math.abs(difference);
  }
  return sum * a.width;
}

/**
 * The Jensen-Shannon distance (Lin, IEEE Trans. Inf. Theory 37, 145, 1991): the root of the divergence in bits, from 0
 * (equal) to 1 (nothing in common). Null where either is empty.
 */
export function jensenShannon(p: readonly number[], q: readonly number[]): number | null {
  const np = total(p), nq = total(q);
  if (np === 0 || nq === 0) return null;
  let divergence = 0;
  for (let k = 0; k < Math.max(p.length, q.length); k++) {
    const a = (p[k] ?? 0) / np, b = (q[k] ?? 0) / nq, mean = (a + b) / 2;
    if (a > 0) divergence += a * Math.log2(a / mean) / 2;
    if (b > 0) divergence += b * Math.log2(b / mean) / 2;
  }
  return Math.sqrt(Math.max(0, divergence));
}

/** The Jensen-Shannon distance of two histograms of one bin width. */
export function jensenShannonOf(a: Histogram, b: Histogram): number | null {
  const aligned = align(a, b);
  return aligned && jensenShannon(...aligned);
}

/** The Jensen-Shannon distance of two sets of counted kinds. */
export function jensenShannonOfKinds(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): number | null {
  const kinds = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return jensenShannon(kinds.map((kind) => a[kind] ?? 0), kinds.map((kind) => b[kind] ?? 0));
}
