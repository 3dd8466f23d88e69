/** The multistep consistency sampler: predict x0, add fresh noise at the next time. */
import { z } from "zod";
import type { ScheduleValues } from "../types.ts";
import { ancestralStep } from "./ancestral.ts";
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

const options = z.strictObject({
  after: z.number().optional().describe(
    "the log-SNR from which on noise is drawn afresh; before it steps are DDPM's. Everywhere where absent",
  ),
  gamma: z.number().min(0).max(1).optional().describe(
    "variance of the steps before `after`: from 0, DDPM's and the default, to 1, the larger one, which keeps the data's composition in few steps",
  ),
});

/**
 * The multistep consistency sampler.
 *
 * What a molecule is made of is settled while there is much noise, and its geometry afterwards. Fresh noise early on makes for few, common
 * kinds of molecules; late it forgets errors of positions. So with `after` steps to a log-SNR below it are DDPM's, and those beyond draw afresh.
 *
 * DDPM's smaller variance is that of a known x0. Where steps are few x0 is not known yet, and what its own variance would add is missing: the
 * estimate, a mean over many molecules, is taken for one of them, and what is made is of common kinds. `gamma` = 1 gives the larger variance, the
 * exact one for data of variance 1 (Ho et al. 2020, section 3.2; Bao et al., "Analytic-DPM", 2022, has the optimum between them).
 */
export const consistency: Sampler<typeof options> = {
  about: "each step predicts x0 and adds fresh noise",
  options,
  plan: (schedule, grid, { after = -Infinity, gamma = 0 }) =>
    planSteps(
      (from, to) => to.logSnr < after ? ancestralStep(from, to, gamma) : consistencyStep(from, to),
      schedule,
      grid,
    ),
};
