/** Between flat latents and the tensors that the network reads and writes. */
import type * as tfjs from "@tensorflow/tfjs";
import { ONE_HOT } from "../heavy_atom/space.ts";
import type { Conditioned } from "../../diffusion/condition.ts";
import { checkLatents, latentLength } from "../../diffusion/latent.ts";
import type { BatchShape, LatentSpace } from "../../diffusion/types.ts";
import { offDiagonal, type Tf } from "./layers.ts";
import { featureWidth, rowsOf } from "./conditions.ts";
import type { ConditionSizes } from "./parameters.ts";
import type { ConditionTensors, NetworkOutputs } from "./network.ts";

/** The parts of latents `[B, L]`. */
export interface LatentParts {
  /** `[B, N, V, 3]` */
  readonly vectors: tfjs.Tensor;
  /** `[B, N, K]` */
  readonly scalars: tfjs.Tensor;
  /** `[B, N, N, P]` */
  readonly pairs: tfjs.Tensor;
}

/** Takes latents apart. Throws RangeError where their length is not that of the shape. */
export function splitLatent(
  tf: Tf,
  z: Float32Array | tfjs.Tensor2D,
  space: LatentSpace,
  shape: BatchShape,
): LatentParts {
  checkLatents(z instanceof Float32Array ? z : { length: z.size }, space, shape);
  const { vectors: V, scalars: K, pairs: P } = space, { batch: B, nodes: N } = shape, width = 3 * V + K;
  const [nodes, pairs] = tf.split(z instanceof Float32Array ? tf.tensor2d(z, [B, latentLength(space, N)]) : z, [
    N * width,
    N * N * P,
  ], 1);
  const [vectors, scalars] = tf.split(tf.reshape(nodes, [B, N, width]), [3 * V, K], 2);
  return { vectors: tf.reshape(vectors, [B, N, V, 3]), scalars, pairs: tf.reshape(pairs, [B, N, N, P]) };
}

/** Conditions of a batch as the network takes them. */
export function conditionTensors(tf: Tf, at: Conditioned, sizes: ConditionSizes = {}): ConditionTensors {
  const { features, alpha, sigma } = rowsOf(at, sizes);
  return {
    condition: tf.tensor2d(features, [alpha.length, featureWidth(sizes)]),
    alpha: tf.tensor1d(alpha),
    sigma: tf.tensor1d(sigma),
  };
}

/** The x0 estimate `[B, L]` of the network's outputs: classes and bond orders as expected one-hot values. */
export function joinLatent(tf: Tf, { vectors, scalarLogits, bondLogits }: NetworkOutputs): tfjs.Tensor2D {
  const [B, N, V] = vectors.shape;
  const scalars = tf.mul(tf.softmax(scalarLogits, -1), ONE_HOT);
  const nodes = tf.concat([tf.reshape(vectors, [B, N, V! * 3]), scalars], -1);
  const pairs = tf.mul(tf.softmax(bondLogits, -1), tf.mul(offDiagonal(tf, N), ONE_HOT));
  return tf.concat([tf.reshape(nodes, [B, -1]), tf.reshape(pairs, [B, -1])], 1) as tfjs.Tensor2D;
}
