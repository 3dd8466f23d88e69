/** The multistep consistency sampler: predict x0, add fresh noise at the next time. */
import { z } from "zod";
import type { ScheduleValues } from "../types.ts";
import { ddpmStep } from "./ddpm.ts";
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
});

/**
 * The multistep consistency sampler.
 *
 * What a molecule is made of is settled while there is much noise, and its geometry afterwards. Fresh noise early on makes for few, common
 * kinds of molecules; late it forgets errors of positions. So with `after` steps to a log-SNR below it are DDPM's, and those beyond draw afresh.
 */
export const consistency: Sampler<typeof options> = {
  about: "each step predicts x0 and adds fresh noise",
  options,
  plan: (schedule, grid, { after = -Infinity }) =>
    planSteps((from, to) => to.logSnr < after ? ddpmStep(from, to) : consistencyStep(from, to), schedule, grid),
};
