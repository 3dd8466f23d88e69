/** Batches of moment matching: noisy latents at the student's times, and the time within the step at which it is judged. */
import { type Condition, type Conditioned, conditioned } from "../diffusion/condition.ts";
import { alignNoise, type Coupling } from "../diffusion/coupling/align.ts";
import { gridAtSteps, makeGrid } from "../diffusion/grids.ts";
import { drawNoise } from "../diffusion/latent.ts";
import { PURPOSE, random } from "../diffusion/random.ts";
import { ancestralStep } from "../diffusion/samplers/ancestral.ts";
import { consistencyStep } from "../diffusion/samplers/consistency.ts";
import type { GridSpec } from "../diffusion/grids.ts";
import type { BatchShape, LatentSpace, Schedule } from "../diffusion/types.ts";
import type { LatentSource } from "./source.ts";

/** Molecules of one size. Rows of B. */
export interface MomentGroup extends Conditioned {
  readonly shape: BatchShape;
  /** Noisy latents `[B, L]` at the student's time t. */
  readonly z: Float32Array;
  /** The time s < t within the student's step, and the schedule there. */
  readonly at: Conditioned;
  /** Coefficients of a draw of z_s for z_t and x: z_s = z z_t + x0 x + noise n. */
  readonly step: { readonly z: Float32Array; readonly x0: Float32Array; readonly noise: Float32Array };
  /** Standard noise n `[B, L]`. */
  readonly noise: Float32Array;
}

/** What all batches have in common. */
export interface MomentPlan {
  readonly source: LatentSource;
  readonly space: LatentSpace;
  readonly schedule: Schedule;
  /** Of the first of `serves`. */
  readonly grid: GridSpec;
  /** How z_s is drawn from z_t and x: by DDPM's posterior, the default, or afresh. */
  readonly variant?: "ddpm" | "consistency";
  /** How the teacher was trained. Default independent. */
  readonly coupling?: Coupling;
  /** Step counts that the student learns, each in an equal share of the batch. */
  readonly serves: readonly number[];
}

/** One update's groups: a function of the seed and the update alone. */
export function makeMomentGroups(plan: MomentPlan, batch: number, seed: number, update: number): MomentGroup[] {
  const { source, space, schedule, grid, serves, variant = "ddpm", coupling } = plan,
    stream = random(seed, update, PURPOSE.moments);
  const grids = serves.map((steps) => makeGrid(gridAtSteps(grid, serves[0], steps, schedule), steps, schedule));
  let index = stream.integer(batch);
  return source.draw(batch, stream).map(({ shape, target }) => {
    const { batch: B } = shape, row = () => new Float32Array(B);
    const asked: Condition[] = [], later: Condition[] = [], step = { z: row(), x0: row(), noise: row() };
    const z = drawNoise(space, shape, Array(B).fill(stream)), noise = drawNoise(space, shape, Array(B).fill(stream));
    const length = z.length / B;
    if (coupling === "aligned") alignNoise(z, target, space, shape);
    for (let b = 0; b < B; b++) {
      const k = index++ % serves.length, steps = serves[k], i = stream.integer(steps);
      const t = grids[k][i], s = t + (grids[k][i + 1] - t) * stream.uniform(), from = schedule(t), to = schedule(s);
      const { z: a, x0, noise: c } = variant === "ddpm" ? ancestralStep(from, to, 0) : consistencyStep(from, to);
      asked.push({ time: t, steps });
      later.push({ time: s });
      step.z[b] = a, step.x0[b] = x0, step.noise[b] = c;
      for (let j = b * length; j < (b + 1) * length; j++) z[j] = from.alpha * target[j] + from.sigma * z[j];
    }
    return { shape, z, noise, step, ...conditioned(asked, schedule), at: conditioned(later, schedule) };
  });
}
