/**
 * Molecules of two equal atoms, h and -h along any axis, h from a law such as a mixture of two normal distributions. Noise has as many numbers, n along an
 * axis of its own; aligned to the molecule the axes are one, and z has alpha h + sigma n along it, where n^2 is of three squared normal numbers of variance
 * 1/2. So what z tells of h is an integral over one number, for either coupling: its mean, and how likely z is.
 */
import type { Coupling } from "../../../model/diffusion/coupling/align.ts";
import type { Random } from "../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import type { MatchingPlan } from "../../../model/distillation/matching_batches.ts";
import type { LatentSource } from "../../../model/distillation/source.ts";

export const space = { vectors: 1, scalars: 0, pairs: 0 }, schedule = cosineSchedule(), nodes = 2, L = 6;

/** The data's two distances, and the deviation about each. */
export const MODES = [0.5, 1], DEVIATION = 0.04;

/** Places of h, and their chances, which add up to 1. */
export interface Law {
  readonly places: readonly number[];
  readonly chances: readonly number[];
}

/** A law by densities at places. */
export function lawOf(places: readonly number[], density: (h: number, i: number) => number): Law {
  const all = places.map(density), sum = all.reduce((one, value) => one + value, 0);
  return { places, chances: all.map((value) => value / sum) };
}

/** That of the data. */
export const DATA = lawOf(
  MODES.flatMap((mode) => Array.from({ length: 17 }, (_, k) => mode + (k - 8) / 2 * DEVIATION)),
  (h) => MODES.reduce((sum, mode) => sum + Math.exp(-(((h - mode) / DEVIATION) ** 2) / 2), 0),
);

/** A chance of z's length along its axis, less constants, where the molecule's is alpha h. */
const CHANCES: Record<Coupling, (length: number, h: number, sigma: number) => number> = {
  aligned(length, h, sigma) {
    const n = (length - h) / sigma;
    return n > 0 ? n * n * Math.exp(-n * n) : 0;
  },
  // The axis is known only by z: the mean over all axes of the molecule, of which the part along z's own stays (below).
  independent: (length, h, sigma) => Math.exp(-((length - h) ** 2) / sigma ** 2),
};

/** The part of h along z's axis, averaged over the axes that the molecule may have, for independent noise: coth k - 1 / k (von Mises and Fisher). */
const along = (k: number) => k < 1e-3 ? k / 3 : 1 / Math.tanh(k) - 1 / k;

/**
 * What z tells of h, by its length along its axis: E[h | z] there, and how likely z is, up to a factor that is the same for every law.
 */
export function told(
  coupling: Coupling,
  { places, chances }: Law,
  length: number,
  noise: { alpha: number; sigma: number },
) {
  const { alpha, sigma } = noise;
  let sum = 0, all = 1e-300;
  places.forEach((h, i) => {
    const k = 2 * length * alpha * h / sigma ** 2;
    // Over all axes exp(k cos) has the mean sinh(k) / k; exp(k) is in the chance already.
    const turns = coupling === "aligned" || k < 1e-3 ? 1 : (1 - Math.exp(-2 * k)) / (2 * k);
    const chance = chances[i] * CHANCES[coupling](length, alpha * h, sigma) * turns;
    sum += chance * h * (coupling === "aligned" ? 1 : along(k)), all += chance;
  });
  return { mean: sum / all, likelihood: all };
}

/** Half the distance of the two atoms. */
export const lengthOf = (z: Float32Array, b: number) => Math.hypot(z[b * L], z[b * L + 1], z[b * L + 2]);

export const data: LatentSource = {
  description: "two atoms",
  draw(batch: number, stream: Random) {
    const target = new Float32Array(batch * L);
    for (let b = 0; b < batch; b++) {
      const h = MODES[stream.integer(2)] + DEVIATION * stream.normal();
      const axis = [stream.normal(), stream.normal(), stream.normal()], size = Math.hypot(...axis);
      axis.forEach((value, a) => {
        target[b * L + a] = h * value / size;
        target[b * L + 3 + a] = -h * value / size;
      });
    }
    return [{ shape: { batch, nodes }, target }];
  },
};

/** Samplings of so many steps from noise alone, each with fresh noise. */
export const planOf = (steps: number): MatchingPlan => ({
  source: data,
  schedule,
  grid: { type: "uniform" },
  variant: "consistency",
  options: {},
  steps,
  startsAt: () => () => undefined,
});
