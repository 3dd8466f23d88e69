/**
 * Where sampling begins. At t = 1 there is next to nothing of the data in a latent, and the first steps only find out where the data lie on the
 * whole. A start matched to the data begins later, at a log-SNR of about 0.5 to 1, with z = alpha x + sigma e, where x is a normal draw with
 * the mean and the spread that each part of the latents has over the training data.
 */
import { z } from "zod";
import { strict } from "../strict.ts";
import { latentLength } from "../latent.ts";
import type { Fix } from "../fixed.ts";
import type { DrawNoise, LatentSpace } from "../types.ts";
import { applyStep, type Realign } from "./step.ts";

/** What a grid says of its start: the log-SNR there, and the part of the data's spread that is drawn, 0 for the mean alone. */
export const startSpec = strict({
  logSnr: z.number().min(-50).max(50),
  spread: z.number().min(0).max(2).default(1),
});

const meanAndSpread = z.tuple([z.number(), z.number().min(0)]);

/**
 * Mean and standard deviation of each part of latents of one size, in the latents' units: of each vector (mean 0, as orientations
 * are random), each scalar, and each feature of pairs of two nodes.
 */
export const latentMoments = strict({
  vectors: z.array(z.number().min(0)).min(1),
  scalars: z.array(meanAndSpread),
  pairs: z.array(meanAndSpread),
});

/** See {@link latentMoments}. */
export type LatentMoments = z.infer<typeof latentMoments>;

/** A start for molecules of one size, as plain data. */
export interface Start {
  /** The schedule at the first time. */
  readonly alpha: number;
  readonly sigma: number;
  /** The normal that stands for the data: mean and standard deviation of each number of a latent, `[L]`. */
  readonly mean: Float32Array;
  readonly spread: Float32Array;
}

/** The start with this share of the data's spread, at a time where the schedule is `values`. */
export function startOf(
  { vectors, scalars, pairs }: LatentMoments,
  space: LatentSpace,
  nodes: number,
  values: { readonly alpha: number; readonly sigma: number },
  share: number,
): Start {
  const length = latentLength(space, nodes), mean = new Float32Array(length), spread = new Float32Array(length);
  let at = 0;
  const put = ([middle, deviation]: readonly [number, number]) => {
    mean[at] = middle, spread[at++] = share * deviation;
  };
  for (let i = 0; i < nodes; i++) {
    for (const deviation of vectors) for (let axis = 0; axis < 3; axis++) put([0, deviation]);
    scalars.forEach(put);
  }
  for (let i = 0; i < nodes; i++) {
    for (let j = 0; j < nodes; j++) for (const pair of pairs) put(i === j ? [0, 0] : pair);
  }
  return { alpha: values.alpha, sigma: values.sigma, mean, spread };
}

/**
 * The latents `[B, L]` that sampling begins with: noise, or with a start z = alpha x + sigma e from two draws, x first, and e aligned to x for a
 * network that was trained so. A part that is given is put into x.
 */
export async function firstLatents(
  noise: DrawNoise,
  start?: Start,
  realign?: Realign,
  fix: Fix = () => {},
): Promise<Float32Array> {
  const z = noise();
  if (!start) return z;
  const { alpha, sigma, mean, spread } = start, length = mean.length;
  const x = z.map((value, k) => mean[k % length] + spread[k % length] * value);
  fix(x);
  applyStep({ z: 0, x0: alpha, noise: sigma }, z, x, noise);
  await realign?.(z, x, alpha);
  return z;
}
