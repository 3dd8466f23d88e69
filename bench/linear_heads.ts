/**
 * Estimates of scalars and pairs that are any numbers, by a network whose heads are softmaxes: the logarithms of what these say, centred, are
 * logits. With them x0 = alpha z + sigma y, as vectors have it, and squared errors in the place of cross-entropies. Only parts of the sum 0 can be said.
 */
import {
  abilityOf,
  type Asked,
  type Group,
  type Judged,
  type Learner,
  type Rates,
} from "../model/diffusion/learner.ts";
import type { LatentSpace } from "../model/diffusion/types.ts";
import { VECTOR_WEIGHT } from "../model/networks/pair_attention/loss.ts";

/** What squared errors of scalars and pairs count beside the weights that a group has for cross-entropies. */
const SQUARED_WEIGHT = 4;

/** A part of latents that is in rows. */
export type Part = "scalars" | "pairs";

/** Hears where each row of scalars (of a node) or of pair features (of two nodes) begins in latents `[B, L]`, its length, its molecule, and which. */
export function eachRow(
  { vectors, scalars: K, pairs: P }: LatentSpace,
  { batch, nodes: N }: Asked["shape"],
  visit: (at: number, length: number, molecule: number, part: Part) => void,
): void {
  const width = 3 * vectors + K, length = N * width + N * N * P;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < N; i++) visit(b * length + i * width + 3 * vectors, K, b, "scalars");
    for (let i = 0; i < N; i++) {
      for (let j = 0; j < N; j++) if (i !== j) visit(b * length + N * width + (i * N + j) * P, P, b, "pairs");
    }
  }
}

const meanOf = (x: Float32Array) => x.reduce((sum, value) => sum + value, 0) / x.length;

/** The estimate of x0 `[B, L]`, from what the softmaxes say of it. */
export function linearEstimate(
  said: Float32Array,
  { z, shape, alpha, sigma }: Pick<Asked, "z" | "shape" | "alpha" | "sigma">,
  space: LatentSpace,
): Float32Array {
  const out = said.slice();
  eachRow(space, shape, (at, n, b) => {
    const logits = said.subarray(at, at + n).map(Math.log), noisy = z.subarray(at, at + n);
    const level = meanOf(logits), middle = meanOf(noisy);
    for (let k = 0; k < n; k++) out[at + k] = alpha[b] * (noisy[k] - middle) + sigma[b] * (logits[k] - level);
  });
  return out;
}

/** Losses of each molecule, means over its nodes as docs/denoiser.md has them, weighted. */
export type LinearLosses = Readonly<Record<"positions" | Part, Float32Array>>;

/**
 * Losses of an estimate, and the gradient of their sum at what the softmaxes said, as {@link Learner.step} takes it.
 *
 * @param said what the network says, `[B, L]`, classes and orders between 0 and one half
 */
export function linearLoss(
  said: Float32Array,
  group: Group,
  space: LatentSpace,
): { losses: LinearLosses; gradient: Float32Array } {
  const { shape: { batch: B, nodes: N }, target, weights, sigma } = group, x0 = linearEstimate(said, group, space);
  const gradient = new Float32Array(said.length), width = 3 * space.vectors + space.scalars, length = said.length / B;
  const losses = { positions: new Float32Array(B), scalars: new Float32Array(B), pairs: new Float32Array(B) };
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < N; i++) {
      for (let k = 0; k < 3 * space.vectors; k++) {
        const at = b * length + i * width + k, error = x0[at] - target[at];
        const weight = weights[3 * b] * (k < 3 ? 1 : VECTOR_WEIGHT) / N;
        losses.positions[b] += weight * error * error;
        gradient[at] = 2 * weight * error;
      }
    }
  }
  eachRow(space, group.shape, (at, n, b, part) => {
    const weight = SQUARED_WEIGHT * (part === "scalars" ? weights[3 * b + 1] / N : weights[3 * b + 2] / (N * N));
    const middle = meanOf(target.subarray(at, at + n));
    for (let k = at; k < at + n; k++) {
      const error = x0[k] - (target[k] - middle);
      losses[part][b] += weight * error * error;
      // A softmax turns d at its values p into p (d - <p, d>); the errors' sum is 0.
      gradient[k] = 2 * weight * error * sigma[b] / said[k];
    }
  });
  return { losses, gradient };
}

/** One update by these heads. The loss, or NaN where the gradient was not finite. */
export async function linearUpdate(
  learner: Learner,
  groups: readonly Group[],
  space: LatentSpace,
  rates: Rates,
): Promise<number> {
  const judged: Judged[] = [];
  let sum = 0, molecules = 0;
  for (const group of groups) {
    const { losses, gradient } = linearLoss(await abilityOf(learner, "predict")(group, "params"), group, space);
    judged.push({ ...group, gradient });
    for (const part of Object.values(losses)) sum += part.reduce((all, loss) => all + loss, 0);
    molecules += group.shape.batch;
  }
  return Number.isFinite(await abilityOf(learner, "step")(judged, rates)) ? sum / molecules : NaN;
}
