/** Losses of GeoLDM and EDM. */
import type * as tfjs from "@tensorflow/tfjs";
import { alignNoise } from "../diffusion/coupling/align.ts";
import { type EgnnDenoiserSizes, egnnPrediction } from "../networks/egnn_denoiser.ts";
import { POSTERIOR_DEVIATION } from "../networks/geoldm/autoencoder.ts";
import { decodeLatents, encodeMeans, type GeoldmSizes } from "../networks/geoldm/networks.ts";
import type { LossTensors } from "../networks/pair_attention/loss.ts";
import type { Tensors, Tf } from "../networks/pair_attention/layers.ts";
import type { LatentSpace } from "../diffusion/types.ts";
import type { AtomGroup } from "./atom_batches.ts";

/** Positions `[B,N,3]` and features `[B,N,F]` of a group. */
function atoms(tf: Tf, { shape: { batch, nodes }, positions, features }: AtomGroup) {
  return {
    x: tf.tensor3d(positions, [batch, nodes, 3]),
    h: tf.tensor3d(features, [batch, nodes, features.length / (batch * nodes)]),
  };
}

/** One of a group's draws, `[B,N,3+k]`. */
function draws(tf: Tf, values: Float32Array, { batch, nodes }: AtomGroup["shape"]) {
  return tf.tensor3d(values, [batch, nodes, values.length / (batch * nodes)]);
}

/** Clean latents of a group, `[B,N,3+k]`. */
export type Clean = (group: AtomGroup) => tfjs.Tensor;

/** GeoLDM's: a draw from the posterior of a trained encoder. */
export function posteriorLatents(tf: Tf, encoder: Tensors, sizes: GeoldmSizes): Clean {
  return (group) => {
    const { x, h } = atoms(tf, group);
    const noise = tf.mul(draws(tf, group.posterior, group.shape), POSTERIOR_DEVIATION);
    return tf.add(encodeMeans(tf, encoder, sizes, x, h), noise);
  };
}

/** EDM's: positions, one-hot types and charges, each divided by its factor. */
export function scaledAtoms(tf: Tf, [ofPosition, ofType, ofCharge]: readonly [number, number, number]): Clean {
  return (group) => {
    const { x, h } = atoms(tf, group), types = h.shape[2] - 1, [one, charge] = tf.split(h, [types, 1], 2);
    return tf.concat([tf.div(x, ofPosition), tf.div(one, ofType), tf.div(charge, ofCharge)], 2);
  };
}

/**
 * Reconstruction and divergence of the autoencoder: Xu et al. (2023), eq. 4, in the form of the released code: squared
 * errors of positions and charges and cross-entropy of types over (3 + F) N, and klWeight times half the squared means
 * (the posterior's deviation is fixed, so nothing else of the divergence can be learned).
 */
export function autoencoderLoss(tf: Tf, sizes: GeoldmSizes, klWeight: number) {
  return (params: Tensors, group: AtomGroup): LossTensors => {
    const { x, h } = atoms(tf, group), { nodes } = group.shape, F = h.shape[2], types = sizes.elements.length;
    const mean = encodeMeans(tf, params, sizes, x, h);
    const z = tf.add(mean, tf.mul(draws(tf, group.posterior, group.shape), POSTERIOR_DEVIATION));
    const out = decodeLatents(tf, params, sizes, z), share = 1 / ((3 + F) * nodes);
    const total = (error: tfjs.Tensor) => tf.mul(tf.mean(tf.sum(error, [1, 2])), share) as tfjs.Scalar;
    const [logits, ...charges] = tf.split(out.h, F > types ? [types, 1] : [types], 2);
    const [oneHot, ...trueCharges] = tf.split(h, F > types ? [types, 1] : [types], 2);
    const positions = total(tf.square(tf.sub(out.x, x)));
    const kinds = total(tf.neg(tf.mul(oneHot, tf.logSoftmax(logits, -1))));
    const charge = charges.length ? total(tf.square(tf.sub(charges[0], trueCharges[0]))) : tf.scalar(0);
    const divergence = tf.mul(tf.mean(tf.sum(tf.square(mean), [1, 2])), klWeight / 2) as tfjs.Scalar;
    return {
      total: tf.addN([positions, kinds, charge, divergence]) as tfjs.Scalar,
      parts: { positions, types: kinds, charges: charge as tfjs.Scalar, divergence },
    };
  };
}

/** The numbers of a group's clean latents, `[B, L]`, read from the device. */
export async function cleanValues(tf: Tf, clean: Clean, group: AtomGroup): Promise<Float32Array> {
  const latents = tf.tidy(() => clean(group));
  try {
    return await latents.data() as Float32Array;
  } finally {
    latents.dispose();
  }
}

/** A group whose diffusion noise lies as its clean latents do. */
export async function alignedGroup(tf: Tf, clean: Clean, space: LatentSpace, group: AtomGroup): Promise<AtomGroup> {
  const { shape, noise } = group, x0 = await cleanValues(tf, clean, group);
  return { ...group, noise: alignNoise(noise.slice(), x0, space, shape) };
}

/** |eps - prediction|^2 over (3 + k) N: Hoogeboom et al. (2022), eq. 17 with w = 1. */
export function denoisingLoss(tf: Tf, sizes: EgnnDenoiserSizes, clean: Clean) {
  return (params: Tensors, group: AtomGroup): LossTensors => {
    const { shape } = group, x0 = clean(group);
    const eps = draws(tf, group.noise, shape), over = (v: Float32Array) => tf.tensor3d(v, [v.length, 1, 1]);
    const z = tf.add(tf.mul(over(group.alpha), x0), tf.mul(over(group.sigma), eps));
    const prediction = egnnPrediction(tf, params, sizes, z, tf.tensor1d(group.t));
    const errors = tf.mean(tf.square(tf.sub(eps, prediction)), [0, 1]), k = eps.shape[2]; // [3+k]
    const [x, h] = tf.split(errors, [3, k - 3]).map((part) => tf.div(tf.sum(part), k) as tfjs.Scalar);
    return { total: tf.add(x, h) as tfjs.Scalar, parts: { positions: x, scalars: h } };
  };
}
