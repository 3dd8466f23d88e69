/** All samplers by name, with their options' schemas. */
import { z as zod } from "zod";
import type { Grid, Schedule } from "../types.ts";
import { ancestral } from "./ancestral.ts";
import { consistency } from "./consistency.ts";
import { ddim } from "./ddim.ts";
import { ddpm } from "./ddpm.ts";
import { dpmSolverPp2m } from "./dpm_solver_pp_2m.ts";
import { SAMPLERS } from "./names.ts";
import type { SamplingPlan } from "./step.ts";

export { ancestralStep } from "./ancestral.ts";
export { consistencyStep } from "./consistency.ts";
export { ddimStep } from "./ddim.ts";
export { ddpmEnd, ddpmStep } from "./ddpm.ts";
export { dpmSolverStep } from "./dpm_solver_pp_2m.ts";
export { firstLatents, type LatentMoments, latentMoments, type Start, startOf, startSpec } from "./start.ts";
export {
  applyStep,
  type PlannedStep,
  type Realign,
  runPlan,
  type Sampler,
  type SamplingPlan,
  type Step,
} from "./step.ts";

/** The samplers' names. */
export const samplerName = zod.enum(SAMPLERS);

/** A sampler's name. */
export type SamplerName = zod.infer<typeof samplerName>;

/** The options that each sampler takes; every one has a default, and unknown keys are errors. */
export const samplerOptions = {
  "ddpm": zod.strictObject({}),
  "ancestral": zod.strictObject({ gamma: zod.number().min(0).max(1).default(0.5) }),
  "ddim": zod.strictObject({ eta: zod.number().min(0).max(1).default(0) }),
  "dpm-solver++": zod.strictObject({ order: zod.union([zod.literal(1), zod.literal(2)]).default(2) }),
  "consistency": zod.strictObject({ after: zod.number().optional() }),
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
 * The plan of the named sampler over a grid.
 *
 * @throws TypeError for an unknown name or unsound options; RangeError for an unsound grid
 */
export function planSampling(name: SamplerName, schedule: Schedule, grid: Grid, options: unknown = {}): SamplingPlan {
  switch (name) {
    case "ddpm":
      return ddpm(schedule, grid, parseSamplerOptions(name, options));
    case "ancestral":
      return ancestral(schedule, grid, parseSamplerOptions(name, options));
    case "ddim":
      return ddim(schedule, grid, parseSamplerOptions(name, options));
    case "dpm-solver++":
      return dpmSolverPp2m(schedule, grid, parseSamplerOptions(name, options));
    case "consistency":
      return consistency(schedule, grid, parseSamplerOptions(name, options));
    default:
      throw new TypeError(`no sampler "${name}"; there are ${samplerName.options.join(", ")}`);
  }
}
