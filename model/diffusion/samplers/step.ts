/** What all samplers share: one call and what is made of it as a linear combination, and the loop over a plan of them. */
import type { z } from "zod";
import type { DrawNoise, Grid, Schedule, ScheduleValues } from "../types.ts";

/**
 * What is made of one call of the denoiser, from time t to a time s:
 *
 *     z_s = z z_t + x0 x0hat(z_t, t) + sum_k before[k] x0hat_k + noise n,
 *
 * with n fresh standard noise and x0hat_k the estimate of the call k + 1 before this one. Samplers of several calls a step are plans of these:
 * the time may stay (Heun's second call) or rise again (a restart).
 */
export interface Step {
  readonly z: number;
  readonly x0: number;
  readonly noise: number;
  /** Of estimates of calls before, the latest first, at most {@link LOOK_BACK} of them; none where absent. */
  readonly before?: readonly number[];
}

/** How many calls a step may look back. */
export const LOOK_BACK = 3;

/** One call of a plan. */
export interface PlannedStep extends Step {
  readonly t: number;
  /** The schedule at t. */
  readonly alpha: number;
  readonly sigma: number;
  /** The noise level that the network is asked at where that is not the step's own; see `models/egnn_latest.ts`. */
  readonly asked?: Pick<PlannedStep, "t" | "alpha" | "sigma">;
}

/**
 * A sampler's run over a grid as plain numbers, so that it can be carried out wherever the network is: instructions in order,
 * one denoiser call each. The last gives its x0: it needs neither schedule nor noise.
 */
export type SamplingPlan = readonly PlannedStep[];

/**
 * The denoiser as samplers see it: x0 estimates for a batch at one time.
 *
 * @param z `[B, L]`, not kept or changed by the callee
 * @param t the time of all B molecules
 * @param step the plan's instruction that asks
 * @returns x0 `[B, L]`; a fresh array, or one that is valid until the next call
 */
export type Denoise = (z: Float32Array, t: number, step: PlannedStep) => Promise<Float32Array>;

/** A sampler's rule: the coefficients of the interval between two times of a schedule. */
export type StepRule = (from: ScheduleValues, to: ScheduleValues) => Step;

/** A sampler: an entry of the registry in `mod.ts`. */
export interface Sampler<Options extends z.ZodType = z.ZodType> {
  /** In a sentence, for whoever chooses. */
  readonly about: string;
  /** Its options. Every one has a default or may be absent; unknown keys are errors. */
  readonly options: Options;
  /** Its plan over a grid: as many calls as the grid has intervals. Throws RangeError for an unsound grid or option. */
  plan(schedule: Schedule, grid: Grid, options: z.infer<Options>): SamplingPlan;
}

/** Refuses a grid that does not fall strictly from at most 1 to exactly 0. */
export function checkGrid(grid: Grid): void {
  if (grid.length < 2 || !(grid[0] <= 1) || grid[grid.length - 1] !== 0) {
    const [first, last] = [grid[0], grid[grid.length - 1]];
    throw new RangeError(`a grid must go from at most 1 to 0 in a step or more, got ${grid.length}: ${first}..${last}`);
  }
  for (let i = 1; i < grid.length; i++) {
    if (!(grid[i] < grid[i - 1])) {
      throw new RangeError(`a grid must fall strictly, got ${grid[i - 1]} then ${grid[i]} at ${i}`);
    }
  }
}

/** The plan whose interval `i`, but the last, is `rule(i)`. @throws RangeError for an unsound grid */
export function planOf(rule: (i: number) => Step, schedule: Schedule, grid: Grid): SamplingPlan {
  checkGrid(grid);
  const last = grid.length - 2, end: Step = { z: 0, x0: 1, noise: 0 };
  return Array.from({ length: last + 1 }, (_, i) => {
    const { alpha, sigma } = schedule(grid[i]);
    const step = i < last ? rule(i) : end;
    const { before = [] } = step;
    if (before.length > LOOK_BACK) {
      throw new RangeError(`a step must look back at most ${LOOK_BACK} calls; got ${before.length}`);
    }
    if (![step.z, step.x0, step.noise, ...before].every(Number.isFinite)) {
      throw new RangeError(`the interval from ${grid[i]} to ${grid[i + 1]} has no finite coefficients`);
    }
    return { t: grid[i], alpha, sigma, ...step };
  });
}

/** The plan of a sampler of one-step rules. @throws RangeError for an unsound grid */
export const planSteps = (rule: StepRule, schedule: Schedule, grid: Grid): SamplingPlan =>
  planOf((i) => rule(schedule(grid[i]), schedule(grid[i + 1])), schedule, grid);

/** Calls the denoiser and checks that it answers with as many numbers as it was given. */
async function estimate(
  denoise: Denoise,
  z: Float32Array,
  step: PlannedStep,
  signal?: AbortSignal,
): Promise<Float32Array> {
  signal?.throwIfAborted();
  const x0 = await denoise(z, step.t, step);
  signal?.throwIfAborted();
  if (x0.length !== z.length) {
    throw new RangeError(`the denoiser gave ${x0.length} numbers at t = ${step.t} for a latent of ${z.length}`);
  }
  return x0;
}

/**
 * Takes `z` from one time to the next, in place. `noise` is called only where the step has any.
 *
 * @param earlier estimates of the calls before, the latest first, as many as the step asks for
 */
export function applyStep(
  step: Step,
  z: Float32Array,
  x0: Float32Array,
  noise: DrawNoise,
  earlier: readonly Float32Array[] = [],
): void {
  const { z: a, x0: b, noise: c, before = [] } = step, length = z.length, fresh = c === 0 ? undefined : noise();
  if (fresh && fresh.length !== length) {
    throw new RangeError(`noise must have ${length} numbers, as the latent has; got ${fresh.length}`);
  }
  for (let i = 0; i < length; i++) {
    let sum = a * z[i] + b * x0[i];
    for (let k = 0; k < before.length; k++) sum += before[k] * earlier[k][i];
    z[i] = fresh ? sum + c * fresh[i] : sum;
  }
}

/** Aligns what of z `[B, L]` is not alpha x0 to x0 `[B, L]`, in place; see `coupling/align.ts`. */
export type Realign = (z: Float32Array, x0: Float32Array, alpha: number) => void | Promise<void>;

/**
 * Carries a plan out: one denoiser call an interval, and the last call's x0. `noise` is drawn before that only, in the order of the
 * intervals and only where they ask.
 *
 * A network trained on aligned noise knows latents z_s = alpha_s x + sigma_s e whose e lies as x does. So where a step has drawn
 * noise, all of z_s that is not alpha_s x0 is aligned to x0 by `realign`. That is exact as far as the alignment is: the noise in z_t
 * is some turn and order of standard noise and fresh noise knows no direction, so their sum is a turn and order of standard noise
 * again, which aligned to x0 has the distribution of training. For the consistency sampler it is the fresh noise alone that
 * is aligned. What a step without noise keeps lies as x0 does already.
 *
 * @param z latents `[B, L]` at the plan's first time; see `firstLatents`. Not changed
 * @param realign for a network that was trained on aligned noise
 * @returns x0 `[B, L]`, a fresh array
 * @throws RangeError for arrays of unequal lengths; the signal's reason when it aborts
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * import { makeGrid } from "../grids.ts";
 * import { makeSchedule } from "../schedules.ts";
 * import { planSampling } from "./mod.ts";
 *
 * const schedule = makeSchedule({ type: "cosine", factor: 0.9995 });
 * const plan = planSampling("ddim", schedule, makeGrid({ type: "uniform" }, 8, schedule));
 * // A denoiser that knows the data: every number is 1.
 * const x0 = await runPlan(plan, (z) => Promise.resolve(z.map(() => 1)), new Float32Array([0.3, -2]), () => new Float32Array(2));
 * assert.deepEqual([...x0], [1, 1]);
 * ```
 */
export async function runPlan(
  plan: SamplingPlan,
  denoise: Denoise,
  z: Float32Array,
  noise: DrawNoise,
  signal?: AbortSignal,
  realign?: Realign,
): Promise<Float32Array> {
  const state = z.slice(), last = plan.length - 1;
  const kept = Math.max(...plan.map(({ before = [] }) => before.length)), earlier: Float32Array[] = [];
  for (const [k, step] of plan.slice(0, last).entries()) {
    const x0 = await estimate(denoise, state, step, signal);
    applyStep(step, state, x0, noise, earlier);
    if (step.noise !== 0) await realign?.(state, x0, plan[k + 1].alpha);
    if (kept > 0) earlier.unshift(x0.slice()), earlier.length = Math.min(earlier.length, kept);
  }
  return (await estimate(denoise, state, plan[last], signal)).slice();
}

/**
 * 1 - SNR_t / SNR_s = sigma_(t|s)^2 / sigma_t^2, the share of the noise at t that was added after s. From log-SNRs, so
 * that nothing cancels and neither alpha_t = 0 nor sigma_s = 0 hurts.
 */
export function addedShare(from: ScheduleValues, to: ScheduleValues): number {
  return -Math.expm1(from.logSnr - to.logSnr);
}
