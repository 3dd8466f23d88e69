/** DPM-Solver++(2M): second order in the deterministic flow with one denoiser call a step. */
import type { ScheduleValues } from "../types.ts";
import { checkGrid, estimate, type Sampler } from "./step.ts";

/** 2: the multistep solver; 1: its first-order form, which is DDIM. */
export interface DpmSolverOptions {
  readonly order: 1 | 2;
}

/** One interval: z_s = z z_t + x0 x0hat(t) + before x0hat(the time before t). */
export interface TwoStep {
  readonly z: number;
  readonly x0: number;
  readonly before: number;
}

/**
 * One interval: Lu et al., "DPM-Solver++" (2022), algorithm 2. With lambda = logSnr / 2, h = lambda_s - lambda_t, and
 * w = h / (2 h_before),
 *
 *     z_s = (sigma_s / sigma_t) z_t + alpha_s (1 - e^-h) ((1 + w) x0 - w x0_before)
 *
 * @param before the schedule at the time before t; none for the first interval, which is of first order (w = 0)
 */
export function dpmSolverStep(from: ScheduleValues, to: ScheduleValues, before?: ScheduleValues): TwoStep {
  const h = (to.logSnr - from.logSnr) / 2, gain = -to.alpha * Math.expm1(-h);
  const weight = before ? h / (from.logSnr - before.logSnr) : 0;
  return { z: to.sigma / from.sigma, x0: gain * (1 + weight), before: -gain * weight };
}

/**
 * DPM-Solver++(2M); see `Sampler`. Options `{ order }`. Draws no noise.
 *
 * The last interval, whose h is infinite where sigma(0) = 0, is of first order ("lower-order final"): it gives x0.
 */
export const dpmSolverPp2m: Sampler<DpmSolverOptions> = async (
  denoise,
  schedule,
  grid,
  z,
  _noise,
  { order },
  signal,
) => {
  if (order !== 1 && order !== 2) throw new RangeError(`order must be 1 or 2, got ${order}`);
  checkGrid(grid);
  const state = z.slice(), before = new Float32Array(z.length), last = grid.length - 2;
  for (let i = 0; i < last; i++) {
    const x0 = await estimate(denoise, state, grid[i], signal);
    const earlier = i > 0 && order === 2 ? schedule(grid[i - 1]) : undefined;
    const step = dpmSolverStep(schedule(grid[i]), schedule(grid[i + 1]), earlier);
    for (let k = 0; k < state.length; k++) {
      state[k] = step.z * state[k] + step.x0 * x0[k] + step.before * before[k];
    }
    before.set(x0);
  }
  return (await estimate(denoise, state, grid[last], signal)).slice();
};
