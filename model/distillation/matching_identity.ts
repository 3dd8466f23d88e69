/** Score identity distillation: a gradient that goes through both denoisers. */
import { latentLength } from "../diffusion/latent.ts";
import { abilityOf, type Learner } from "../diffusion/learner.ts";
import type { LatentSpace } from "../diffusion/types.ts";
import type { Seen } from "./matching_critic.ts";

/** Estimates that are matched, noised within their steps, and what the two denoisers make of them. Arrays `[B, L]`. */
export interface Said extends Seen {
  readonly x: Float32Array;
  /** The auxiliary's word. */
  readonly told: Float32Array;
}

/** The two denoisers, as learners that differentiate with respect to their input. */
export interface Networks {
  readonly auxiliary: Learner;
  /** The teacher, which nothing is taught. */
  readonly frozen: Learner;
}

/**
 * What leads x, `[B, L]`: the gradient of (1 - alpha) |d|^2 + d (told - x), d = taught - told, with respect to x, z = alpha_t x + sigma_t noise (Zhou et
 * al. 2024, the loss of algorithm 1, without its weight of the noise level, which `matchingGradient` has). Its part that goes through no network is told -
 * taught. Pairs, which stand twice, count once. Noise is taken for independent of x: how aligned noise turns along with x is left out.
 */
export async function identityGradient(
  { at, x, told, taught }: Said,
  space: LatentSpace,
  { auxiliary, frozen }: Networks,
  alpha: number,
): Promise<Float32Array> {
  const length = latentLength(space, at.shape.nodes), own = at.shape.nodes * (3 * space.vectors + space.scalars);
  /** What a number counts, as pairs stand twice. */
  const share = (i: number) => i % length < own ? 1 : 1 / 2;
  const d = taught.map((value, i) => value - told[i]);
  const ofTaught = d.map((value, i) => share(i) * (2 * (1 - alpha) * value + told[i] - x[i]));
  const ofTold = d.map((value, i) => share(i) * value - ofTaught[i]);
  const through = async (network: Learner, gradient: Float32Array) =>
    (await abilityOf(network, "inputGradient")({ ...at, gradient })).slice();
  const [byTaught, byTold] = [await through(frozen, ofTaught), await through(auxiliary, ofTold)];
  return d.map((value, i) => at.alpha[Math.floor(i / length)] * (byTaught[i] + byTold[i]) / share(i) - value);
}
