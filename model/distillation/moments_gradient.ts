/** The gradient of moment matching at a student's estimates: of what is said of them by the auxiliary and by the teacher. */
import { latentLength } from "../diffusion/latent.ts";
import type { BatchShape, LatentSpace } from "../diffusion/types.ts";
import { ONE_HOT } from "../networks/heavy_atom/space.ts";
import { VECTOR_WEIGHT } from "../networks/pair_attention/loss.ts";

/** What stands at z_s. Arrays `[B, L]`. */
export interface Moments {
  readonly space: LatentSpace;
  readonly shape: BatchShape;
  /** The student's estimates. */
  readonly x: Float32Array;
  /** E[x | z_s] of the student's molecules, as the auxiliary tells. */
  readonly told: Float32Array;
  /** E[x | z_s] of the data, as the teacher tells. */
  readonly taught: Float32Array;
  /** `[B, 3]`: of positions, scalars and pairs. */
  readonly weights: Float32Array;
}

/** What an estimate's scalars and pairs are: probabilities of classes, or plain numbers that are learned as positions are. */
export type Kind = "classes" | "numbers";

/** Least probability that a class's difference is divided by: the network's gradient beneath it is 0 in float32. */
const LEAST = 1e-30;

/**
 * The gradient at x, `[B, L]`, with d = told - taught: of vectors 2 w/N d, of which others than the positions have the
 * share of the training loss. Classes take w/N d / (ONE_HOT x): so the gradient of their logits is the difference of the
 * probabilities, as it is for cross-entropies (the natural gradient: the Fisher information of a softmax is its own slope).
 * Through the softmax alone, a student that is sure of a class would hardly be corrected.
 *
 * @returns the gradient, and the sum over molecules of w/N |d|^2 of vectors
 */
export function momentsGradient(moments: Moments, kind: Kind): { gradient: Float32Array; apart: number } {
  const { space: { vectors: V, scalars: K, pairs: P }, shape: { batch, nodes: N }, x, told, taught, weights } = moments;
  const width = 3 * V + K, length = latentLength(moments.space, N), gradient = new Float32Array(x.length);
  let apart = 0;
  for (let b = 0; b < batch; b++) {
    const [ofVectors, ofScalars, ofPairs] = weights.subarray(3 * b, 3 * b + 3), start = b * length;
    const other = (i: number, weight: number) => {
      const d = told[i] - taught[i];
      gradient[i] = kind === "numbers" ? 2 * ofVectors / N * d : weight * d / (ONE_HOT * Math.max(x[i], LEAST));
    };
    for (let n = 0; n < N; n++) {
      for (let k = 0; k < width; k++) {
        const i = start + n * width + k, weight = ofVectors / N * (k < 3 ? 1 : VECTOR_WEIGHT), d = told[i] - taught[i];
        if (k >= 3 * V) other(i, ofScalars / N);
        else gradient[i] = 2 * weight * d, apart += weight * d * d;
      }
      for (let m = 0; m < N; m++) {
        for (let k = 0; m !== n && k < P; k++) other(start + N * width + (n * N + m) * P + k, ofPairs / (N * N));
      }
    }
  }
  return { gradient, apart };
}
