/** DPM-Solver++(2M): second order in the deterministic flow with one denoiser call a step. */
import type { ScheduleValues } from "../types.ts";
import { planOf, type Sampler, type Step } from "./step.ts";

/** 2: the multistep solver; 1: its first-order form, which is DDIM. */
export interface DpmSolverOptions {
  readonly order: 1 | 2;
}

/**
 * One interval: Lu et al., "DPM-Solver++" (2022), algorithm 2. With lambda = logSnr / 2, h = lambda_s - lambda_t, and
 * w = h / (2 h_before),
 *
 *     z_s = (sigma_s / sigma_t) z_t + alpha_s (1 - e^-h) ((1 + w) x0 - w x0_before)
 *
 * @param before the schedule at the time before t; none for the first interval, which is of first order (w = 0)
 */
export function dpmSolverStep(from: ScheduleValues, to: ScheduleValues, before?: ScheduleValues): Step {
  const h = (to.logSnr - from.logSnr) / 2, gain = -to.alpha * Math.expm1(-h);
  const weight = before ? h / (from.logSnr - before.logSnr) : 0;
  return { z: to.sigma / from.sigma, x0: gain * (1 + weight), before: -gain * weight, noise: 0 };
}

/**
 * DPM-Solver++(2M); see `Sampler`. Options `{ order }`. Draws no noise.
 *
 * The last interval, whose h is infinite where sigma(0) = 0, is of first order ("lower-order final"): it gives x0.
 */
export const dpmSolverPp2m: Sampler<DpmSolverOptions> = (schedule, grid, { order }) => {
  if (order !== 1 && order !== 2) throw new RangeError(`order must be 1 or 2, got ${order}`);
  const at = (i: number) => schedule(grid[i]);
  return planOf((i) => dpmSolverStep(at(i), at(i + 1), i > 0 && order === 2 ? at(i - 1) : undefined), schedule, grid);
};
