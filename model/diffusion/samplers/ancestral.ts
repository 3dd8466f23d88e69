/** Ancestral sampling with the noise between the two posterior variances. */
import { z } from "zod";
import type { ScheduleValues } from "../types.ts";
import { addedShare, planSteps, type Sampler, type Step } from "./step.ts";

/**
 * One interval: Salimans & Ho, "Progressive distillation" (2022), eq. 4 (and Kingma et al., "Variational diffusion
 * models", 2021, eqs. 26 to 29, for gamma = 0). With the share d = 1 - SNR_t / SNR_s,
 *
 *     z_s = (alpha_t / alpha_s) (sigma_s / sigma_t)^2 z_t + alpha_s d x0 + (sigma_s^2 d)^((1 - gamma)/2) (sigma_t^2 d)^(gamma/2) n
 *
 * @param from the schedule at t; sigma must be above 0
 */
export function ancestralStep(from: ScheduleValues, to: ScheduleValues, gamma: number): Step {
  const share = addedShare(from, to);
  return {
    z: from.alpha / to.alpha * (to.sigma / from.sigma) ** 2,
    x0: to.alpha * share,
    noise: Math.sqrt(share) * to.sigma ** (1 - gamma) * from.sigma ** gamma,
  };
}

const options = z.strictObject({
  gamma: z.number().min(0).max(1).default(0.5).describe(
    "0: the smaller posterior variance, that of q(z_s | z_t, x); 1: the larger, sigma_(t|s)^2",
  ),
});

/** See above. */
export const ancestral: Sampler<typeof options> = {
  about: "ancestral sampling with a variance between the two posterior ones",
  options,
  plan: (schedule, grid, { gamma }) => planSteps((t, s) => ancestralStep(t, s, gamma), schedule, grid),
};
