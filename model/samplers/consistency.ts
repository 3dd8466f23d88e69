/** The multistep consistency sampler: predict x0, add fresh noise at the next time. */
import type { ScheduleValues } from "../types.ts";
import { planSteps, type Sampler, type Step } from "./step.ts";

/**
 * One interval: Song et al., "Consistency models" (2023), algorithm 1, for a variance-preserving schedule:
 *
 *     z_s = alpha_s x0 + sigma_s n
 *
 * It is exact, at any number of steps, where x0 is a consistency function (the end of the probability flow). With an
 * ordinary denoiser, x0 = E[x | z_t], it does NOT converge to the data's distribution as the steps grow: each step pulls
 * towards a mode, and the spread shrinks. That pays in stability and costs in uniqueness.
 */
export function consistencyStep(_from: ScheduleValues, to: ScheduleValues): Step {
  return { z: 0, x0: to.alpha, noise: to.sigma };
}

/** The multistep consistency sampler; see `Sampler`. No options. */
export const consistency: Sampler<unknown> = (schedule, grid) => planSteps(consistencyStep, schedule, grid);
