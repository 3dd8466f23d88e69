/** DDPM's ancestral sampling. */
import { z } from "zod";
import type { Schedule, ScheduleValues } from "../types.ts";
import { ancestralStep } from "./ancestral.ts";
import { planSteps, type Sampler, type Step } from "./step.ts";

/**
 * One interval: a draw from q(z_s | z_t, x = x0). Ho et al., "Denoising diffusion probabilistic models" (2020), eqs. 6
 * and 7, for any two times as in Kingma et al., "Variational diffusion models" (2021), eqs. 26 to 29.
 */
export function ddpmStep(from: ScheduleValues, to: ScheduleValues): Step {
  return ancestralStep(from, to, 0);
}

/**
 * EDM's end, p(x | z_0) = N(x0(z_0), (sigma_0 / alpha_0)^2): Hoogeboom et al., "Equivariant diffusion for molecule
 * generation in 3D" (2022), eq. 9. It takes one more call of the denoiser, at t = 0. The samplers here do without: they
 * end with the x0 of their last call, and a schedule with precision 1e-5 would add noise of 0.003 only.
 */
export function ddpmEnd(schedule: Schedule): Step {
  const { alpha, sigma } = schedule(0);
  return { z: 0, x0: 1, noise: sigma / alpha };
}

const options = z.strictObject({});

/** See above. */
export const ddpm: Sampler<typeof options> = {
  about: "DDPM's ancestral sampling",
  options,
  plan: (schedule, grid) => planSteps(ddpmStep, schedule, grid),
};
