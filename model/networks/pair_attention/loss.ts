/** The training loss of the pair-attention denoiser; docs/denoiser.md, last part. */
import type * as tfjs from "@tensorflow/tfjs";
import { ONE_HOT } from "../heavy_atom/space.ts";
import type { Group, Losses } from "../../diffusion/learner.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { conditionTensors, splitLatent } from "./inputs.ts";
import { offDiagonal, type Tensors, type Tf } from "./layers.ts";
import { pairAttention } from "./network.ts";
import type { PairAttentionSizes } from "./parameters.ts";

/** Share of the second and third vectors' errors beside the positions'. */
export const VECTOR_WEIGHT = 0.3;

/** Scalar tensors: `total` is what is differentiated. */
export interface LossTensors {
  readonly total: tfjs.Scalar;
  readonly parts: Record<string, tfjs.Scalar>;
}

/** Cross-entropy of logits against target probabilities, over the last axis. */
export function crossEntropy(tf: Tf, target: tfjs.Tensor, logits: tfjs.Tensor): tfjs.Tensor {
  return tf.neg(tf.sum(tf.mul(target, tf.logSoftmax(logits, -1)), -1));
}

/**
 * Means over the group's molecules of the weighted errors of vectors ("positions"), classes ("scalars") and bond orders
 * ("bonds"); `total` is their sum.
 */
export function pairAttentionLoss(
  tf: Tf,
  space: LatentSpace,
  sizes: Omit<PairAttentionSizes, "width">,
  params: Tensors,
  group: Group,
): LossTensors {
  const { batch: B, nodes: N } = group.shape;
  const out = pairAttention(tf, params, sizes, {
    ...splitLatent(tf, group.z, space, group.shape),
    ...conditionTensors(tf, group, sizes),
  });
  const target = splitLatent(tf, group.target, space, group.shape);
  const shares = tf.tensor2d([1, ...Array(space.vectors - 1).fill(VECTOR_WEIGHT)], [1, space.vectors]);
  const squares = tf.mean(tf.sum(tf.square(tf.sub(out.vectors, target.vectors)), -1), 1); // [B,V]
  const last = tf.tensor2d(group.lastVector ?? new Float32Array(B).fill(1), [B, 1]);
  const counted = space.vectors > 1 ? tf.concat([tf.ones([B, space.vectors - 1]), last], 1) : 1; // [B,V]
  const position = tf.sum(tf.mul(tf.mul(squares, shares), counted), 1); // [B]
  const scalars = tf.mean(crossEntropy(tf, tf.mul(target.scalars, 1 / ONE_HOT), out.scalarLogits), 1); // [B]
  const orders = tf.mul(tf.mul(target.pairs, offDiagonal(tf, N)), 1 / ONE_HOT);
  const bonds = tf.mean(crossEntropy(tf, orders, out.bondLogits), [1, 2]); // [B]
  const weights = tf.unstack(tf.tensor2d(group.weights, [B, 3]), 1);
  const [x, s, p] = [position, scalars, bonds].map((error, k) => tf.mean(tf.mul(error, weights[k])) as tfjs.Scalar);
  return { total: tf.add(tf.add(x, s), p) as tfjs.Scalar, parts: { positions: x, scalars: s, bonds: p } };
}

/** Losses, and d total / d parameter by name. */
export interface Gradients {
  readonly losses: Losses;
  readonly gradients: Record<string, tfjs.Tensor>;
}

/** The loss and its gradients, computed on the current backend. The caller disposes the gradients. */
export async function lossAndGradients(
  tf: Tf,
  { space, ...sizes }: { space: LatentSpace } & Omit<PairAttentionSizes, "width">,
  params: Tensors,
  group: Group,
): Promise<Gradients> {
  const names = Object.keys(params), kept: tfjs.Scalar[] = [];
  let partNames: string[] = [];
  const { value, grads } = tf.valueAndGrads((...tensors: tfjs.Tensor[]) => {
    const { total, parts } = pairAttentionLoss(
      tf,
      space,
      sizes,
      Object.fromEntries(names.map((name, k) => [name, tensors[k]])),
      group,
    );
    partNames = Object.keys(parts);
    kept.push(...Object.values(parts).map((part) => tf.keep(part)));
    return total;
  })(names.map((name) => params[name]));
  const [total, ...parts] = await Promise.all([value, ...kept].map(async (x) => (await x.data())[0]));
  tf.dispose([value, ...kept]);
  return {
    losses: { total, parts: Object.fromEntries(partNames.map((name, k) => [name, parts[k]])) },
    gradients: Object.fromEntries(names.map((name, k) => [name, grads[k]])),
  };
}
