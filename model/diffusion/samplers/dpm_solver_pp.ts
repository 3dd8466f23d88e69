/** DPM-Solver++ in its multistep form: second or third order in the deterministic flow with one denoiser call a step. */
import { z } from "zod";
import type { ScheduleValues } from "../types.ts";
import { planOf, type Sampler, type Step } from "./step.ts";

/**
 * One interval: Lu et al., "DPM-Solver++" (2022), eq. 9, whose integral over lambda = logSnr / 2 is exact where x0 is the polynomial through the
 * estimates here and at the times before. With h = lambda_s - lambda_t,
 *
 *     z_s = (sigma_s / sigma_t) z_t + alpha_s sum_m a_m x0^(m),
 *     a_0 = 1 - e^-h,   a_1 = h - a_0,   a_2 = h^2 / 2 - a_1.
 *
 * x0' and x0'' are those of the polynomial at t, from divided differences. With one time before it is algorithm 2, 2M, but for the weight of
 * x0', which there is h (1 - e^-h) / 2: the same to second order, and what is done here as well, as that is the solver that is known.
 *
 * @param before the schedule at the times before t, the latest first: none for first order, one for second, two for third
 */
export function dpmSolverStep(from: ScheduleValues, to: ScheduleValues, before: readonly ScheduleValues[] = []): Step {
  const h = (to.logSnr - from.logSnr) / 2, first = -Math.expm1(-h), keep = to.sigma / from.sigma;
  const gain = to.alpha * first, [p, q] = before;
  if (!p) return { z: keep, x0: gain, noise: 0 };
  // Divided differences over r = (lambda_t - lambda_p) and so on, in units of h.
  const r = (from.logSnr - p.logSnr) / 2;
  if (!q) {
    const weight = h / (2 * r);
    return { z: keep, x0: gain * (1 + weight), before: [-gain * weight], noise: 0 };
  }
  const u = (p.logSnr - q.logSnr) / 2, slope = to.alpha * (h - first), bend = to.alpha * (h * h / 2 - h + first);
  // x0' = D + r x0''/2 and x0''/2 = (D - E) / (r + u), with D = (x - x_p) / r and E = (x_p - x_q) / u.
  const d = slope + (slope * r + 2 * bend) / (r + u), e = -(slope * r + 2 * bend) / (r + u);
  return { z: keep, x0: gain + d / r, before: [e / u - d / r, -e / u], noise: 0 };
}

const options = z.strictObject({
  order: z.union([z.literal(1), z.literal(2), z.literal(3)]).default(2).describe(
    "2 and 3: the multistep solver of that order; 1: its first-order form, which is DDIM",
  ),
});

/**
 * DPM-Solver++. Draws no noise. The first intervals have as many times before them as there are. The last interval, whose h is infinite
 * where sigma(0) = 0, is of first order ("lower-order final"): it gives x0.
 */
export const dpmSolverPp: Sampler<typeof options> = {
  about: "the deterministic multistep solver of first to third order",
  options,
  plan(schedule, grid, { order }) {
    const at = (i: number) => schedule(grid[i]);
    const before = (i: number) => Array.from({ length: Math.min(i, order - 1) }, (_, k) => at(i - 1 - k));
    return planOf((i) => dpmSolverStep(at(i), at(i + 1), before(i)), schedule, grid);
  },
};
