/** The gradient of distribution matching at a student's estimates. */
import { latentLength } from "../diffusion/latent.ts";
import type { BatchShape, LatentSpace } from "../diffusion/types.ts";
import { ONE_HOT } from "../networks/heavy_atom/space.ts";
import { VECTOR_WEIGHT } from "../networks/pair_attention/loss.ts";

/** What is said of a batch of estimates. Arrays `[B, L]`. */
export interface Match {
  readonly space: LatentSpace;
  readonly shape: BatchShape;
  /** The student's estimates. */
  readonly x: Float32Array;
  /** What the student began as says in its place. */
  readonly kept: Float32Array;
  /** Noise of the latents that x was made of, `[B]`. */
  readonly sigma: Float32Array;
  /** The first of the estimates that are matched; those before it keep to `kept`. */
  readonly first: number;
  /** The share of matching in classes and bond orders, 0 to 1. */
  readonly classes: number;
  /** Of the estimates from `first` on: the mean of the student's molecules at what x was noised to, as the auxiliary tells. */
  readonly told: Float32Array;
  /** That of the data there, as the teacher tells. */
  readonly taught: Float32Array;
  /** What each of these counts, by the divergence. Default 1. */
  readonly counts?: readonly number[];
}

/** Least probability that a class's difference is divided by: the network's gradient beneath it is 0 in float32. */
const LEAST = 1e-30;

/** Least mean |x - taught| by which a difference is divided, in the latents' units. */
const NEAR = 0.003;

/** Cap on 1/sigma^2, what positions that keep to the teacher's count. */
const CAP = 20;

/**
 * The gradient at x, `[B, L]`. Of positions d / (N mean |x - taught|) with d = told - taught and the mean over the molecule's, so that each noise level
 * counts alike (Yin et al. 2024, equations 7 and 8); the same of the other vectors, with the share that they have in training. Before `first` that of
 * |x - kept|^2 / (N sigma^2). Classes and bond orders learn `kept`, and by a share `classes` the same d: both over (ONE_HOT x N), so that the
 * gradient of their logits is the difference of the probabilities, as a cross-entropy's is.
 *
 * @returns the gradient, and sums over molecules: of how far apart the two denoisers are in positions, |d|^2 / N, and student and teacher in
 * classes and orders
 */
export function matchingGradient(
  { space, shape: { batch, nodes: N }, x, kept, sigma, first, classes, told, taught, counts }: Match,
): { gradient: Float32Array; apart: { positions: number; classes: number } } {
  const { vectors: V, scalars: K, pairs: P } = space, width = 3 * V + K, length = latentLength(space, N);
  const gradient = new Float32Array(x.length), apart = { positions: 0, classes: 0 }, shift = first * length;
  /** Calls `each` with the numbers `from` to `to` of each node. */
  const numbers = (start: number, from: number, to: number, each: (i: number) => void) => {
    for (let n = 0; n < N; n++) for (let i = start + n * width + from; i < start + n * width + to; i++) each(i);
  };
  const matched = (start: number, from: number, to: number, weight: number) => {
    let near = 0;
    numbers(start, from, to, (i) => near += Math.abs(x[i] - taught[i - shift]));
    const scale = weight / (N * Math.max(NEAR, near / (N * (to - from))));
    numbers(start, from, to, (i) => {
      const d = told[i - shift] - taught[i - shift];
      gradient[i] = scale * d;
      if (from === 0) apart.positions += d * d / N;
    });
  };
  const probabilities = (from: number, count: number, share: number, counted: number) => {
    const part = from >= shift ? classes : 0;
    for (let i = from; i < from + count; i++) {
      const d = x[i] - kept[i],
        led = part === 0 ? d : (1 - part) * d + part * counted * (told[i - shift] - taught[i - shift]);
      gradient[i] = share * led / (ONE_HOT * Math.max(x[i], LEAST));
      apart.classes += d * d / N;
    }
  };
  for (let b = 0; b < batch; b++) {
    const start = b * length, weight = 2 * Math.min(CAP, 1 / sigma[b] ** 2) / N;
    const counted = b >= first ? counts?.[b - first] ?? 1 : 1;
    for (const [from, to, share] of [[0, 3, 1], [3, 3 * V, VECTOR_WEIGHT]]) {
      if (from >= to) continue;
      if (b >= first) matched(start, from, to, share * counted);
      else numbers(start, from, to, (i) => gradient[i] = share * weight * (x[i] - kept[i]));
    }
    for (let n = 0; n < N; n++) {
      probabilities(start + n * width + 3 * V, K, 1 / N, counted);
      for (let m = 0; m < N; m++) {
        if (m !== n) probabilities(start + N * width + (n * N + m) * P, P, 1 / (N * N), counted);
      }
    }
  }
  return { gradient, apart };
}
