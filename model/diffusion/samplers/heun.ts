/** Heun's method: second order in the deterministic flow, with two denoiser calls an interval. */
import { z } from "zod";
import type { Grid, ScheduleValues } from "../types.ts";
import { ddimStep } from "./ddim.ts";
import { checkGrid, type PlannedStep, type Sampler, type Step } from "./step.ts";

/**
 * The second call of an interval from t to s, at s: Karras et al., "Elucidating the design space of diffusion-based generative models" (2022),
 * algorithm 1, for a variance-preserving schedule. There x = z / alpha and s = sigma / alpha, and an Euler step is DDIM's. With
 * r = s_s / s_t the trapezoidal rule takes Euler's z' to
 *
 *     z_s = z' + alpha_s (1 - r) / (2 r) (x0hat(z', s) - x0hat(z_t, t)),
 *
 * so that nothing of z_t need be kept.
 */
export function heunCorrection(from: ScheduleValues, to: ScheduleValues): Step {
  // (1/r - 1) / 2 from the log-SNRs, so that nothing cancels.
  const weight = to.alpha * Math.expm1((to.logSnr - from.logSnr) / 2) / 2;
  return { z: 1, x0: weight, before: [-weight], noise: 0 };
}

/**
 * The intervals of so many calls: pairs of the grid's intervals, from its end, but for the last pair, which has no second order as sigma(0) = 0,
 * and is taken in two steps of the first. An odd number of calls begins with a step of the first order too.
 */
function intervals(calls: number): { from: number; to: number; order: 1 | 2 }[] {
  const list: { from: number; to: number; order: 1 | 2 }[] = [];
  let at = calls % 2;
  if (at === 1 && calls > 1) list.push({ from: 0, to: 1, order: 1 });
  for (; at + 2 < calls; at += 2) list.push({ from: at, to: at + 2, order: 2 });
  if (calls > 1) list.push({ from: calls - 2, to: calls - 1, order: 1 });
  return list;
}

const planned = (t: number, { alpha, sigma }: ScheduleValues, step: Step): PlannedStep => ({
  t,
  alpha,
  sigma,
  ...step,
});

const options = z.strictObject({});

/** See above. `steps` is the number of calls: 16 calls go over 8 intervals. */
export const heun: Sampler<typeof options> = {
  about:
    "Heun's deterministic second-order method: two calls an interval; steps are in sigma / alpha, so it wants a grid with a start",
  options,
  plan(schedule, grid: Grid) {
    checkGrid(grid);
    const calls = grid.length - 1, last = grid[calls - 1];
    const steps = intervals(calls).flatMap(({ from, to, order }) => {
      const [t, s] = [schedule(grid[from]), schedule(grid[to])], euler = planned(grid[from], t, ddimStep(t, s));
      return order === 1 ? [euler] : [euler, planned(grid[to], s, heunCorrection(t, s))];
    });
    return [...steps, planned(last, schedule(last), { z: 0, x0: 1, noise: 0 })];
  },
};
