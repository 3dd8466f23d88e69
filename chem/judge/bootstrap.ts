/** Intervals of numbers that are no rates, by drawing the molecules again with replacement (Efron, Ann. Statist. 7, 1, 1979). */

/** A number with its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Marsaglia's xorshift of 32 bits: the same numbers each time, whole, from 0 to 2^32 - 1. */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13, state ^= state >>> 17, state ^= state << 5;
    return state >>> 0;
  };
}

/** The number below which this fraction of the values lies; values ascending. */
export const quantile = (ascending: ArrayLike<number>, fraction: number): number => {
  const place = fraction * (ascending.length - 1),
    below = Math.floor(place),
    above = Math.min(below + 1, ascending.length - 1);
  return ascending[below] + (place - below) * (ascending[above] - ascending[below]);
};

/**
 * A statistic of n molecules with its percentile interval, widened to hold the value itself: a distance grows when molecules are drawn again.
 *
 * @param statistic of the molecules at these places, `[n]`
 * @param times how often molecules are drawn again
 * @throws RangeError without molecules
 */
export function bootstrap(n: number, statistic: (places: Uint32Array) => number, times = 200): Estimate {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`molecules must be at least 1; got ${n}`);
  const places = Uint32Array.from({ length: n }, (_, k) => k), value = statistic(places), next = xorshift(2463534242);
  const drawn = Float64Array.from({ length: times }, () => {
    for (let k = 0; k < n; k++) places[k] = Math.floor(next() / 2 ** 32 * n);
    return statistic(places);
  }).sort();
  return { value, low: Math.min(value, quantile(drawn, 0.025)), high: Math.max(value, quantile(drawn, 0.975)) };
}
