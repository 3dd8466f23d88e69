/** AdamW (Loshchilov & Hutter, 2019) without decay, on TensorFlow.js. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../../networks/pair_attention/layers.ts";

/** Decay of the first and second moments, and the guard of the division. */
export const BETA1 = 0.9, BETA2 = 0.95, EPSILON = 1e-8;

/** Parameters and moments of one AdamW step, by name. */
export interface AdamTensors {
  readonly params: Record<string, tfjs.Tensor>;
  readonly first: Record<string, tfjs.Tensor>;
  readonly second: Record<string, tfjs.Tensor>;
}

/**
 * m <- b1 m + (1 - b1) g; v <- b2 v + (1 - b2) g^2; p <- p - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *
 * @param update t, from 1
 */
export function adamStep(
  tf: Tf,
  names: readonly string[],
  { params, first, second }: AdamTensors,
  gradients: Readonly<Record<string, tfjs.Tensor>>,
  rate: number,
  update: number,
): AdamTensors {
  const out: AdamTensors = { params: {}, first: {}, second: {} };
  const bias1 = 1 - BETA1 ** update, bias2 = 1 - BETA2 ** update;
  for (const name of names) {
    const g = gradients[name];
    const m = out.first[name] = tf.add(tf.mul(first[name], BETA1), tf.mul(g, 1 - BETA1));
    const v = out.second[name] = tf.add(tf.mul(second[name], BETA2), tf.mul(tf.square(g), 1 - BETA2));
    const step = tf.div(tf.mul(m, rate / bias1), tf.add(tf.sqrt(tf.mul(v, 1 / bias2)), EPSILON));
    out.params[name] = tf.sub(params[name], step);
  }
  return out;
}
