/** The loss of a student whose network is an EGNN, in terms of what the network itself gives. */
import type * as tfjs from "@tensorflow/tfjs";
import { type EgnnDenoiserSizes, egnnPrediction, type Parametrisation } from "../networks/egnn_denoiser.ts";
import type { Tensors, Tf } from "../networks/pair_attention/layers.ts";
import type { LossTensors } from "../networks/pair_attention/loss.ts";
import type { Group } from "../diffusion/learner.ts";

/**
 * The weight of an error of the network's own output that a weight `w` of the error of x0 amounts to. An error e of the
 * output is an error of x0 of (sigma/alpha) e for a predicted noise, of sigma e for a velocity (Salimans & Ho 2022,
 * appendix D), and itself for x0. With w = max(SNR, 1) the last two are bounded where alpha -> 0; the first is max(1,
 * 1/SNR), 1e5 at t = 1 of GeoLDM's schedule and at most 148 up to the latest time that `egnn_latest.ts` asks at.
 */
export function predictionWeight(parametrisation: Parametrisation, w: number, alpha: number, sigma: number): number {
  switch (parametrisation) {
    case "eps":
      return w * (sigma / alpha) ** 2;
    case "x0":
      return w;
    case "v":
      return w * sigma ** 2;
  }
}

/** What the network is to give, `[B, L]`, where the student is to predict the group's target. In float64, division by sigma only. */
export function predictionTarget(parametrisation: Parametrisation, group: Group): Float32Array {
  const { z, target, alpha, sigma, shape: { batch } } = group, length = z.length / batch;
  if (parametrisation === "x0") return target;
  const out = new Float32Array(z.length);
  for (let b = 0; b < batch; b++) {
    if (!(sigma[b] > 0)) {
      throw new RangeError(`times of a round must be above 0: sigma is ${sigma[b]} at t = ${group.conditions[b].time}`);
    }
    // eps = (z - alpha x) / sigma; v = alpha eps - sigma x = (alpha z - x) / sigma.
    const [ofZ, ofX] = parametrisation === "eps" ? [1, -alpha[b]] : [alpha[b], -1];
    for (let i = b * length; i < (b + 1) * length; i++) out[i] = (ofZ * z[i] + ofX * target[i]) / sigma[b];
  }
  return out;
}

/**
 * Weighted squared errors of x0: sums over a node's coordinates and scalars, means over nodes and molecules.
 *
 * The scalars of an EGNN are learned by squares as the positions are, and so take the positions' weight; the groups' own
 * weights of scalars are meant for cross-entropies.
 */
export function egnnStudentLoss(tf: Tf, sizes: EgnnDenoiserSizes) {
  return (params: Tensors, group: Group): LossTensors => {
    const { shape: { batch: B, nodes: N }, z, conditions, alpha, sigma, weights } = group, width = z.length / (B * N);
    const tensor = (values: Float32Array) => tf.tensor3d(values, [B, N, width]);
    const prediction = egnnPrediction(tf, params, sizes, tensor(z), tf.tensor1d(conditions.map(({ time }) => time)));
    const { parametrisation } = sizes, target = tensor(predictionTarget(parametrisation, group));
    const own = Float32Array.from(
      alpha,
      (value, b) => predictionWeight(parametrisation, weights[3 * b], value, sigma[b]),
    );
    const errors = tf.mul(tf.mean(tf.square(tf.sub(prediction, target)), 1), tf.tensor2d(own, [B, 1])); // [B,3+k]
    const [x, s] = tf.split(tf.mean(errors, 0), [3, width - 3]).map((part) => tf.sum(part) as tfjs.Scalar);
    return { total: tf.add(x, s) as tfjs.Scalar, parts: { positions: x, scalars: s } };
  };
}
