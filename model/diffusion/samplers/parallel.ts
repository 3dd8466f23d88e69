/** A plan's calls several at a time: sweeps over a window of its steps, in place of one step after the other. */
import { z } from "zod";
import { strict } from "../strict.ts";
import type { DrawNoise } from "../types.ts";
import { applyStep, LOOK_BACK, type PlannedStep, type Realign, type SamplingPlan } from "./step.ts";

/** How many steps of a molecule are called for at once, and when a latent counts as found. */
export const parallelSpec = strict({
  window: z.int().min(2).max(64).default(8).describe("Steps of a molecule whose calls are made together"),
  tolerance: z.number().min(0).max(1).default(0.003).describe(
    "A latent is found when a sweep moves it by no more than this, root mean square, in units of the noise at its time; 0: not at all, which gives " +
      "what one step after the other gives",
  ),
});

/** See {@link parallelSpec}. */
export type Parallel = z.infer<typeof parallelSpec>;

/** What a molecule took: rounds of calls, one after the other, and calls, those of a round together. */
export interface Effort {
  readonly rounds: number;
  readonly calls: number;
}

/** Most calls for a molecule where a plan makes so many: each round finds one latent at least, and calls for the window from it. */
export function mostCalls(steps: number, parallel?: Pick<Parallel, "window">): number {
  if (!parallel) return steps;
  const wide = Math.min(parallel.window, steps - 1);
  return 1 + wide * (steps - 1) - wide * (wide - 1) / 2;
}

/** Of the most calls that molecules can take, those that these did without. */
export const uncalled = (efforts: readonly Effort[], steps: number, parallel?: Pick<Parallel, "window">): number =>
  efforts.reduce((sum, { calls }) => sum + mostCalls(steps, parallel) - calls, 0);

/** A latent that is called for. */
export interface Row {
  readonly step: PlannedStep;
  /** Which of the batch's molecules it is of. */
  readonly molecule: number;
}

/** x0 estimates `[R, L]` of latents `[R, L]`, each at its row's time. */
export type DenoiseRows = (z: Float32Array, rows: readonly Row[]) => Promise<Float32Array>;

/** How to run a plan in parallel. */
export interface ParallelOptions extends Parallel {
  /** Molecules of the batch. */
  readonly batch: number;
  readonly signal?: AbortSignal;
  /** For a network that was trained on aligned noise; of one molecule. */
  readonly realign?: Realign;
}

/** A molecule on its way. */
interface Track {
  /** The first call that is not found yet. Its latent is. */
  at: number;
  /** Latents by call, from `at` on: those of the window. */
  readonly latents: Float32Array[];
  /** Estimates by call, from the earliest that a step looks back at; beyond what was called for the last one that was. */
  readonly estimates: Float32Array[];
  rounds: number;
  calls: number;
}

/**
 * Carries a plan out by Picard's iteration: Shih et al., "Parallel sampling of diffusion models" (2023), algorithm 1. A sweep calls for all latents of a
 * window at once, and makes each anew from the one before it, by the plan's own steps, with these estimates and with noise drawn beforehand:
 *
 *     z_(k+1)^(j+1) = F_k(z_k^(j+1), x0hat(z_k^(j)), noise_k).
 *
 * There drift is summed up over estimates and latents of the sweep before; here what is linear in z is exact (z_k^(j+1) stands in the step), so a known x0 is
 * found in one sweep. F_k has the alignment of noise to the estimate in it where there is one. Whatever F_k is, the one fixed point is what `runPlan` gives: the window's first
 * latent is exact, so with each sweep the next one is. A latent is found when a sweep moves it by at most `tolerance` sigma (root mean square over its numbers);
 * then the estimate made of it stands, and the window slides on. What comes in is guessed by the last estimate. Molecules do not depend on each other.
 *
 * @param z latents `[B, L]` at the plan's first time; not changed
 * @param noise as for `runPlan`, drawn in the same order
 * @returns x0 `[B, L]`, and what each molecule took
 * @throws the signal's reason when it aborts
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
 * const plan = planSampling("ddim", schedule, makeGrid({ type: "uniform" }, 17, schedule));
 * // A denoiser that knows the data: the first call tells it, and the others go by eights.
 * const { x0, efforts } = await runParallel(plan, (z) => Promise.resolve(z.map(() => 1)), new Float32Array([0.3, -2]), () => new Float32Array(2), {
 *   batch: 1, window: 8, tolerance: 0.01,
 * });
 * assert.deepEqual([...x0], [1, 1]);
 * assert.deepEqual(efforts, [{ rounds: 3, calls: 17 }]);
 * ```
 */
export async function runParallel(
  plan: SamplingPlan,
  denoise: DenoiseRows,
  z: Float32Array,
  noise: DrawNoise,
  { batch, window, tolerance, signal, realign }: ParallelOptions,
): Promise<{ readonly x0: Float32Array; readonly efforts: readonly Effort[] }> {
  const length = z.length / batch, { noiseOf, forget } = kept(plan, noise, length);
  const tracks = Array.from({ length: batch }, (_, b): Track => ({
    at: 0,
    latents: [z.slice(b * length, (b + 1) * length)],
    estimates: [],
    rounds: 0,
    calls: 0,
  }));
  const x0 = new Float32Array(z.length);
  for (;;) {
    const open = tracks.flatMap((track, molecule) => track.at < plan.length ? [{ track, molecule }] : []);
    if (open.length === 0) return { x0, efforts: tracks.map(({ rounds, calls }) => ({ rounds, calls })) };
    const rows = open.flatMap(({ track: { at, latents }, molecule }) =>
      latents.slice(at).map((latent, k) => ({ step: plan[at + k], latent, molecule }))
    );
    signal?.throwIfAborted();
    const given = await denoise(joined(rows.map(({ latent }) => latent)), rows);
    signal?.throwIfAborted();
    if (given.length !== rows.length * length) {
      throw new RangeError(`the denoiser gave ${given.length} numbers for ${rows.length} latents of ${length}`);
    }
    let row = 0;
    for (const { track, molecule } of open) {
      const calls = track.latents.length - track.at;
      for (let k = 0; k < calls; k++, row++) {
        track.estimates[track.at + k] = given.slice(row * length, (row + 1) * length);
      }
      track.rounds++, track.calls += calls;
      await sweep(plan, track, { window, tolerance, realign, noise: (k) => noiseOf(k, molecule) });
      if (track.at === plan.length) x0.set(track.estimates[plan.length - 1], molecule * length);
    }
    forget(Math.min(...tracks.map(({ at }) => at)));
  }
}

/** Makes a molecule's latents anew from the first that is found, and slides its window as far as they were found. */
async function sweep(
  plan: SamplingPlan,
  track: Track,
  { window, tolerance, realign, noise }: Omit<ParallelOptions, "batch"> & { noise(k: number): Float32Array },
): Promise<void> {
  const { latents, estimates } = track, end = latents.length, last = plan.length - 1;
  let found = track.at + 1, moved = false;
  for (let k = track.at; k < last && k + 1 < Math.max(end, found + window); k++) {
    const step = plan[k], next = latents[k].slice(), before = step.before?.map((_, m) => estimates[k - 1 - m]);
    estimates[k] ??= estimates[end - 1];
    applyStep(step, next, estimates[k], () => noise(k), before);
    if (step.noise !== 0) await realign?.(next, estimates[k], plan[k + 1].alpha);
    moved ||= k + 1 < end && !near(next, latents[k + 1], tolerance * plan[k + 1].sigma);
    if (!moved && k + 1 < end) found = k + 2;
    latents[k + 1] = next;
  }
  for (; track.at < found; track.at++) {
    delete latents[track.at];
    delete estimates[track.at - LOOK_BACK];
  }
}

/** Whether two latents are at most so far from each other, root mean square. */
function near(a: Float32Array, b: Float32Array, far: number): boolean {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum <= far ** 2 * a.length;
}

function joined(latents: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(latents.length * latents[0].length);
  latents.forEach((latent, k) => all.set(latent, k * latent.length));
  return all;
}

/** A plan's noise by step and molecule, drawn when it is first asked for, in the order of steps, and kept until nobody asks any more. */
function kept(plan: SamplingPlan, draw: DrawNoise, length: number) {
  const draws: Float32Array[] = [];
  let drawn = 0, from = 0;
  return {
    noiseOf(step: number, molecule: number): Float32Array {
      for (; drawn <= step; drawn++) if (plan[drawn].noise !== 0) draws[drawn] = draw();
      return draws[step].subarray(molecule * length, (molecule + 1) * length);
    },
    forget(until: number): void {
      for (; from < until; from++) delete draws[from];
    },
  };
}
