/** A share of cases with its 95 % interval. */

/** A rate in [0, 1] with its interval, out of `n` cases. Of no cases it is 0, in [0, 1]. */
export interface Rate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/**
 * Wilson's score interval of a rate (Wilson, J. Am. Stat. Assoc. 22, 209, 1927).
 *
 * @param successes from 0 to n; need not be whole
 * @param z half-width in standard deviations; 1.96 for 95 %
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const { value, low, high } = wilson(9_210, 10_000); // 92.1 % (91.6 to 92.6)
 * assert.deepEqual([value, low, high].map((p) => (100 * p).toFixed(1)), ["92.1", "91.6", "92.6"]);
 * ```
 */
export function wilson(successes: number, n: number, z = 1.96): Rate {
  if (!(n >= 0 && successes >= 0 && successes <= n)) {
    throw new RangeError(`successes must be 0 to n; got ${successes} of ${n}`);
  }
  if (n === 0) return { value: 0, low: 0, high: 1, n };
  const p = successes / n, zz = z * z / n;
  const middle = (p + zz / 2) / (1 + zz), half = z * Math.sqrt(p * (1 - p) / n + zz / (4 * n)) / (1 + zz);
  // At the ends rounding may step over p or out of [0, 1].
  return { value: p, low: Math.min(p, Math.max(0, middle - half)), high: Math.max(p, Math.min(1, middle + half)), n };
}
