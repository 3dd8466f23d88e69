/** The registry of samplers. A new one is a file beside this, a line here, and its test. */
import { z } from "zod";
import type { Grid, Schedule } from "../types.ts";
import { ancestral } from "./ancestral.ts";
import { consistency } from "./consistency.ts";
import { ddim } from "./ddim.ts";
import { ddpm } from "./ddpm.ts";
import { dpmSolverPp } from "./dpm_solver_pp.ts";
import { heun } from "./heun.ts";
import type { Sampler, SamplingPlan } from "./step.ts";

export { ancestralStep } from "./ancestral.ts";
export { consistencyStep } from "./consistency.ts";
export { ddimStep } from "./ddim.ts";
export { ddpmEnd, ddpmStep } from "./ddpm.ts";
export { firstLatents, type LatentMoments, latentMoments, type Start, startOf, startSpec } from "./start.ts";
export { applyStep, type Denoise, type PlannedStep, type Realign, runPlan, type SamplingPlan } from "./step.ts";

/** Samplers that take the undistilled weights, at any number of steps. */
const REGISTRY = {
  "ddpm": ddpm,
  "ancestral": ancestral,
  "ddim": ddim,
  "dpm-solver++": dpmSolverPp,
  "heun": heun,
  "consistency": consistency,
} as const satisfies Record<string, Sampler>;

/** A sampler's name. */
export type SamplerName = keyof typeof REGISTRY;

/** The samplers' names. */
export const SAMPLERS = Object.keys(REGISTRY) as [SamplerName, ...SamplerName[]];

/** See {@link SAMPLERS}. */
export const samplerName = z.enum(SAMPLERS);

/** What a request may ask for as its sampler: one of these, or the student of its number of steps. */
export const SAMPLER_CHOICES = ["distilled", ...SAMPLERS] as const;

/** A sampler's name in a request. */
export type SamplerChoice = typeof SAMPLER_CHOICES[number];

/**
 * The sampler whose steps a student makes, and so how it is sampled; which of them a method of distillation can teach says its entry in
 * `distillation/methods/`.
 */
export const VARIANTS = ["ddim", "ddpm", "consistency"] as const satisfies readonly SamplerName[];

/** Each sampler in a line. */
export const samplersInWords = (): string => SAMPLERS.map((name) => `${name}: ${REGISTRY[name].about}`).join("; ");

/** @throws TypeError for an unknown name */
function samplerOf(name: SamplerName): Sampler {
  if (!Object.hasOwn(REGISTRY, name)) {
    throw new TypeError(`sampler must be one of ${SAMPLERS.join(", ")}; got "${name}"`);
  }
  return REGISTRY[name];
}

/** Whether these are options of the named sampler. */
export const areSamplerOptions = (name: SamplerName, options: unknown): boolean =>
  samplerOf(name).options.safeParse(options).success;

/**
 * A sampler's options, checked, with defaults.
 *
 * @throws TypeError naming the sampler and every fault
 */
export function parseSamplerOptions(name: SamplerName, options: unknown = {}): Record<string, unknown> {
  const result = samplerOf(name).options.safeParse(options);
  if (!result.success) throw new TypeError(`options of the sampler "${name}":\n${z.prettifyError(result.error)}`);
  return result.data as Record<string, unknown>;
}

/**
 * The plan of the named sampler over a grid: a denoiser call for each of its intervals.
 *
 * @throws TypeError for an unknown name or unsound options; RangeError for an unsound grid
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * import { makeGrid } from "../grids.ts";
 * import { makeSchedule } from "../schedules.ts";
 *
 * const schedule = makeSchedule({ type: "cosine", factor: 0.9995 });
 * const plan = planSampling("ddim", schedule, makeGrid({ type: "uniform" }, 4, schedule), { eta: 0 });
 * assert.equal(plan.length, 4); // calls of the denoiser
 * assert.ok(plan.every(({ noise }) => noise === 0)); // nothing is drawn
 * ```
 */
export const planSampling = (
  name: SamplerName,
  schedule: Schedule,
  grid: Grid,
  options: unknown = {},
): SamplingPlan => samplerOf(name).plan(schedule, grid, parseSamplerOptions(name, options));
