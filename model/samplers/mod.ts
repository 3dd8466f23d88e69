/** All samplers by name, with their options' schemas. */
import { z as zod } from "zod";
import type { Denoise, DrawNoise, Grid, Schedule } from "../types.ts";
import { ancestral } from "./ancestral.ts";
import { consistency } from "./consistency.ts";
import { ddim } from "./ddim.ts";
import { ddpm } from "./ddpm.ts";
import { dpmSolverPp2m } from "./dpm_solver_pp_2m.ts";

export { ancestralStep } from "./ancestral.ts";
export { consistencyStep } from "./consistency.ts";
export { ddimStep } from "./ddim.ts";
export { ddpmEnd, ddpmStep } from "./ddpm.ts";
export { dpmSolverStep } from "./dpm_solver_pp_2m.ts";
export { applyStep, type Sampler, type Step } from "./step.ts";

/** The samplers' names. */
export const samplerName = zod.enum(["ddpm", "ancestral", "ddim", "dpm-solver++", "consistency"]);

/** A sampler's name. */
export type SamplerName = zod.infer<typeof samplerName>;

/** The options that each sampler takes; every one has a default, and unknown keys are errors. */
export const samplerOptions = {
  "ddpm": zod.strictObject({}),
  "ancestral": zod.strictObject({ gamma: zod.number().min(0).max(1).default(0.5) }),
  "ddim": zod.strictObject({ eta: zod.number().min(0).max(1).default(0) }),
  "dpm-solver++": zod.strictObject({ order: zod.union([zod.literal(1), zod.literal(2)]).default(2) }),
  "consistency": zod.strictObject({}),
} as const satisfies Record<SamplerName, zod.ZodType>;

/**
 * A sampler's options, checked, with defaults.
 *
 * @throws TypeError naming the sampler and every fault
 */
export function parseSamplerOptions<Name extends SamplerName>(
  name: Name,
  options: unknown = {},
): zod.infer<(typeof samplerOptions)[Name]> {
  const result = samplerOptions[name].safeParse(options);
  if (!result.success) throw new TypeError(`options of the sampler "${name}":\n${zod.prettifyError(result.error)}`);
  return result.data as zod.infer<(typeof samplerOptions)[Name]>;
}

/**
 * Runs the named sampler; see `Sampler` for what the arguments are.
 *
 * @throws TypeError for an unknown name or unsound options
 */
export async function sample(
  name: SamplerName,
  denoise: Denoise,
  schedule: Schedule,
  grid: Grid,
  z: Float32Array,
  noise: DrawNoise,
  options: unknown = {},
  signal?: AbortSignal,
): Promise<Float32Array> {
  switch (name) {
    case "ddpm":
      return await ddpm(denoise, schedule, grid, z, noise, parseSamplerOptions(name, options), signal);
    case "ancestral":
      return await ancestral(denoise, schedule, grid, z, noise, parseSamplerOptions(name, options), signal);
    case "ddim":
      return await ddim(denoise, schedule, grid, z, noise, parseSamplerOptions(name, options), signal);
    case "dpm-solver++":
      return await dpmSolverPp2m(denoise, schedule, grid, z, noise, parseSamplerOptions(name, options), signal);
    case "consistency":
      return await consistency(denoise, schedule, grid, z, noise, parseSamplerOptions(name, options), signal);
    default:
      throw new TypeError(`no sampler "${name}"; there are ${samplerName.options.join(", ")}`);
  }
}
