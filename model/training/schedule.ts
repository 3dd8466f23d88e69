/** How the learning rate and the moving average's decay change over a run. */

/** Shape of the learning rate's course. */
export interface RateOptions {
  /** Updates of linear warm-up. */
  readonly warmup?: number;
  /** The last share of the run, 0 to 1, over which the rate falls linearly to `floor`. */
  readonly cooldown?: number;
  readonly floor?: number;
}

/**
 * Factor on the learning rates.
 *
 * @param update updates done before this one
 * @param progress share of the run that is over, 0 to 1
 */
export function rateFactor(
  update: number,
  progress: number,
  { warmup = 200, cooldown = 1, floor = 0.01 }: RateOptions = {},
): number {
  const warm = Math.min(1, (update + 1) / Math.max(1, warmup));
  const left = 1 - Math.min(1, Math.max(0, progress));
  return warm * (left < cooldown ? floor + (1 - floor) * left / cooldown : 1);
}

/** Decay of the weights' moving average: short at first, `limit` in the long run. */
export function emaDecay(update: number, limit = 0.9995): number {
  return Math.min(limit, (1 + update) / (10 + update));
}
