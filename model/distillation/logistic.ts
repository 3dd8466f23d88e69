/** Logistic regression that goes on learning: which of two kinds a vector of features is of, the later batches counting most. */
import { solve } from "../diffusion/linear.ts";

/** Share of what is known that an update forgets: what counts are the last 30 or so. */
const FORGOTTEN = 0.03;

/** 1 / variance of the weights before anything is seen. */
const PRIOR = 0.1;

/** Weights `[F]`, and the precision with which they are known, `[F, F]`. */
export interface Logistic {
  readonly weights: Float32Array;
  readonly precision: Float32Array;
}

/** One that has seen nothing: the two kinds are even. */
export function createLogistic(features: number): Logistic {
  const precision = new Float32Array(features * features);
  for (let i = 0; i < features; i++) precision[i * features + i] = PRIOR;
  return { weights: new Float32Array(features), precision };
}

/** The log odds of the first kind. */
export const logOdds = ({ weights }: Logistic, features: ArrayLike<number>): number =>
  weights.reduce((sum, weight, i) => sum + weight * features[i], 0);

/**
 * One update of Newton's method on a batch's logistic loss, in place. What was learned before counts by its precision, which fades to the prior's: the
 * extended Kalman filter of weights that drift.
 *
 * @param kinds features of each of the first kind, and of the second
 */
export function learnLogistic(logistic: Logistic, kinds: readonly [readonly Float64Array[], readonly Float64Array[]]) {
  const { weights, precision } = logistic, F = weights.length;
  const slope = Float64Array.from(weights, (weight) => FORGOTTEN * PRIOR * weight);
  for (let i = 0; i < F * F; i++) {
    precision[i] = (1 - FORGOTTEN) * precision[i] + (i % (F + 1) === 0 ? FORGOTTEN * PRIOR : 0);
  }
  kinds.forEach((all, kind) => {
    for (const features of all) {
      const chance = 1 / (1 + Math.exp(-logOdds(logistic, features))), off = chance - (1 - kind);
      for (let i = 0; i < F; i++) {
        slope[i] += off * features[i];
        for (let j = 0; j < F; j++) precision[i * F + j] += chance * (1 - chance) * features[i] * features[j];
      }
    }
  });
  const rows = Array.from({ length: F }, (_, i) => Float64Array.from(precision.subarray(i * F, (i + 1) * F)));
  solve(rows, slope).forEach((step, i) => weights[i] -= step);
}
