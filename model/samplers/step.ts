/** What all samplers share: one interval as a linear combination, and the loop over the intervals of a grid. */
import type { Denoise, DrawNoise, Grid, Schedule, ScheduleValues } from "../types.ts";

/** One interval from time t to s < t: z_s = z z_t + x0 x0hat(z_t, t) + noise n, with n fresh standard noise. */
export interface Step {
  readonly z: number;
  readonly x0: number;
  readonly noise: number;
}

/** A sampler's rule: the coefficients of the interval between two times of a schedule. */
export type StepRule = (from: ScheduleValues, to: ScheduleValues) => Step;

/**
 * A sampler over flat latents `[B, L]`.
 *
 * It calls the denoiser once an interval, `grid.length - 1` times, and returns the last call's x0: the last interval,
 * to clean data, needs neither schedule nor noise. `noise` is drawn before that only, and only where the rule asks.
 *
 * @param z latents at `grid[0]`: standard noise. Not changed
 * @returns x0 `[B, L]`, a fresh array
 * @throws RangeError for an unsound grid or arrays of unequal lengths; the signal's reason when it aborts
 */
export type Sampler<Options> = (
  denoise: Denoise,
  schedule: Schedule,
  grid: Grid,
  z: Float32Array,
  noise: DrawNoise,
  options: Options,
  signal?: AbortSignal,
) => Promise<Float32Array>;

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

/** Calls the denoiser and checks that it answers with as many numbers as it was given. */
export async function estimate(
  denoise: Denoise,
  z: Float32Array,
  t: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  signal?.throwIfAborted();
  const x0 = await denoise(z, t);
  signal?.throwIfAborted();
  if (x0.length !== z.length) {
    throw new RangeError(`the denoiser gave ${x0.length} numbers at t = ${t} for a latent of ${z.length}`);
  }
  return x0;
}

/** Takes `z` from one time to the next, in place. `noise` is called only where the step has any. */
export function applyStep(step: Step, z: Float32Array, x0: Float32Array, noise: DrawNoise): void {
  const { z: a, x0: b, noise: c } = step, length = z.length;
  if (c === 0) {
    for (let i = 0; i < length; i++) z[i] = a * z[i] + b * x0[i];
    return;
  }
  const fresh = noise();
  if (fresh.length !== length) throw new RangeError(`${fresh.length} numbers of noise for a latent of ${length}`);
  for (let i = 0; i < length; i++) z[i] = a * z[i] + b * x0[i] + c * fresh[i];
}

/** The loop of every one-step sampler; see `Sampler`. */
export async function runSteps(
  rule: StepRule,
  ...[denoise, schedule, grid, z, noise, , signal]: Parameters<Sampler<unknown>>
): Promise<Float32Array> {
  checkGrid(grid);
  const state = z.slice(), last = grid.length - 2;
  for (let i = 0; i < last; i++) {
    const x0 = await estimate(denoise, state, grid[i], signal);
    applyStep(rule(schedule(grid[i]), schedule(grid[i + 1])), state, x0, noise);
  }
  return (await estimate(denoise, state, grid[last], signal)).slice();
}

/**
 * 1 - SNR_t / SNR_s = sigma_(t|s)^2 / sigma_t^2, the share of the noise at t that was added after s. From log-SNRs, so
 * that nothing cancels and neither alpha_t = 0 nor sigma_s = 0 hurts.
 */
export function addedShare(from: ScheduleValues, to: ScheduleValues): number {
  return -Math.expm1(from.logSnr - to.logSnr);
}

/** Refuses an option outside [0, 1]. */
export function checkShare(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} must lie in [0, 1], got ${value}`);
}
