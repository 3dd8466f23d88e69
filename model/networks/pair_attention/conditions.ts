/** The network's rows of its conditions: what it takes beside the latents, the same on every backend. */
import type { Condition, Conditioned } from "../../diffusion/condition.ts";
import { levelFeatures } from "./levels.ts";
import { TIMES } from "./parameters.ts";

/** Conditions of a batch as the network takes them. */
export interface ConditionRows {
  /** `[B, 16 + levels]` */
  readonly features: Float32Array;
  /** `[B]` */
  readonly alpha: Float32Array;
  /** `[B]` */
  readonly sigma: Float32Array;
}

/** Numbers in a row of features. */
export const featureWidth = (levels = 0): number => TIMES + levels;

/**
 * One condition's row: `[sin(t w_k), cos(t w_k), levels]` with w_k = 1.5 2^k, k = 0..7, and t of 32 bits; into `out` at `at`.
 *
 * @throws RangeError where the network has levels and the condition no number of steps of at least 1
 */
export function conditionRow({ time, steps }: Condition, levels: number, out: Float32Array, at: number): void {
  for (let k = 0; k < TIMES / 2; k++) {
    const angle = Math.fround(time) * 1.5 * 2 ** k;
    out[at + k] = Math.sin(angle);
    out[at + TIMES / 2 + k] = Math.cos(angle);
  }
  if (levels === 0) return;
  if (steps === undefined) throw new RangeError("this network must be told the number of steps");
  levelFeatures(steps, levels, out, at + TIMES);
}

/** Rows of conditions, one after another: `[B, 16 + levels]`. Equal neighbours are computed once. */
export function conditionFeatures(conditions: readonly Condition[], levels = 0): Float32Array {
  const width = featureWidth(levels), features = new Float32Array(conditions.length * width);
  conditions.forEach((condition, b) => {
    if (b > 0 && condition === conditions[b - 1]) features.copyWithin(b * width, (b - 1) * width, b * width);
    else conditionRow(condition, levels, features, b * width);
  });
  return features;
}

/** Rows of conditions whose schedule is known. */
export const rowsOf = ({ conditions, alpha, sigma }: Conditioned, levels?: number): ConditionRows => ({
  features: conditionFeatures(conditions, levels),
  alpha,
  sigma,
});
