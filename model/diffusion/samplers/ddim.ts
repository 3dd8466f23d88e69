/** DDIM: the deterministic sampler (eta 0), and all between it and the ancestral one (eta 1). */
import { z } from "zod";
import type { ScheduleValues } from "../types.ts";
import { addedShare, planSteps, type Sampler, type Step } from "./step.ts";

/**
 * One interval: Song et al., "Denoising diffusion implicit models" (2021), eqs. 12 and 16. With
 * n0 = (z_t - alpha_t x0) / sigma_t and c = eta sigma_s sqrt(1 - SNR_t / SNR_s),
 *
 *     z_s = alpha_s x0 + sqrt(sigma_s^2 - c^2) n0 + c n
 *
 * @param from the schedule at t; sigma must be above 0
 */
export function ddimStep(from: ScheduleValues, to: ScheduleValues, eta = 0): Step {
  const kept = to.sigma * Math.sqrt(1 - eta ** 2 * addedShare(from, to)) / from.sigma;
  return {
    z: kept,
    x0: to.alpha - kept * from.alpha,
    noise: eta === 0 ? 0 : eta * to.sigma * Math.sqrt(addedShare(from, to)),
  };
}

const options = z.strictObject({
  eta: z.number().min(0).max(1).default(0).describe("0: deterministic; 1: DDPM's posterior"),
});

/** See above. */
export const ddim: Sampler<typeof options> = {
  about: "the deterministic first-order solver, or with eta all between it and DDPM",
  options,
  plan: (schedule, grid, { eta }) => planSteps((t, s) => ddimStep(t, s, eta), schedule, grid),
};
