/** The part of a cross-entropy that no student can take away: the entropy of its targets. */
import { ONE_HOT } from "../networks/heavy_atom/space.ts";
import { latentLength } from "../diffusion/latent.ts";
import type { Group } from "../diffusion/learner.ts";
import type { LatentSpace } from "../diffusion/types.ts";

/** Entropy of `count` probabilities, given times ONE_HOT, from `at` on. */
function entropy(values: Float32Array, at: number, count: number): number {
  let sum = 0;
  for (let k = at; k < at + count; k++) {
    const p = values[k] / ONE_HOT;
    if (p > 0) sum -= p * Math.log(p);
  }
  return sum;
}

/**
 * Mean over the groups' molecules of the weighted entropies of classes and bond orders: the loss of
 * `pair_attention/loss.ts` less this is 0 for a student that says what its targets say.
 */
export function targetEntropy({ vectors, scalars, pairs }: LatentSpace, groups: readonly Group[]): number {
  let total = 0, molecules = 0;
  for (const { shape: { batch, nodes }, target, weights } of groups) {
    const width = 3 * vectors + scalars, length = latentLength({ vectors, scalars, pairs }, nodes);
    for (let b = 0; b < batch; b++) {
      let ofNodes = 0, ofPairs = 0;
      for (let i = 0; i < nodes; i++) {
        ofNodes += entropy(target, b * length + i * width + 3 * vectors, scalars);
        for (let j = 0; j < nodes; j++) {
          if (j !== i) ofPairs += entropy(target, b * length + nodes * width + (i * nodes + j) * pairs, pairs);
        }
      }
      total += weights[3 * b + 1] * ofNodes / nodes + weights[3 * b + 2] * ofPairs / nodes ** 2;
    }
    molecules += batch;
  }
  return total / Math.max(1, molecules);
}
