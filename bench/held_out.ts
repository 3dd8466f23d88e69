/** Held-out draws that programs compare losses on. */

/** Times of few-step samplers, as `train --focus` has them. */
export const FOCUS = { first: -0.5, last: 8, share: 0.999 } as const;

/** Seeds of the draws at uniform times, which is training's own held-out loss, and at those of few-step samplers. */
export const HELD_OUT = { uniform: 20_100, focused: 20_101 } as const;

/** Mean and standard error. */
export function spreadOf(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return { mean, error: Math.sqrt(square / values.length) };
}
