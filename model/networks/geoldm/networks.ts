/** GeoLDM's encoder and decoder: Xu et al., "Geometric latent diffusion models for 3D molecule generation" (2023), 3.2. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../tf.ts";
import { centred, egnn } from "../egnn.ts";
import { egnnParameters, type EgnnSizes, linearParameters } from "../egnn_parameters.ts";
import { linear, silu, type Tensors } from "../pair_attention/layers.ts";
import type { ToldProperty } from "../egnn_context.ts";
import type { ParameterSpec } from "../pair_attention/parameters.ts";

/** What the two networks are made of. */
export interface GeoldmSizes extends Omit<EgnnSizes, "blocks"> {
  readonly encoderBlocks: number;
  readonly decoderBlocks: number;
  /** Atomic numbers in the order of the one-hot types. */
  readonly elements: readonly number[];
  readonly includeCharges: boolean;
  /** Invariant latent features a node. */
  readonly latentScalars: number;
  /** Properties that both networks are told, behind the features of each node (`../egnn_context.ts`); none where absent. */
  readonly conditions?: readonly ToldProperty[];
}

/** Features of an atom: one-hot type, and charge. */
export function atomFeatures({ elements, includeCharges }: Pick<GeoldmSizes, "elements" | "includeCharges">): number {
  return elements.length + (includeCharges ? 1 : 0);
}

/** The parameters of both, under `encoder.` and `decoder.`. */
export function geoldmParameters(sizes: GeoldmSizes): ParameterSpec[] {
  const { width, latentScalars: k, conditions = [] } = sizes, features = atomFeatures(sizes), C = conditions.length;
  return [
    ...egnnParameters("encoder.", features + C, width, { ...sizes, blocks: sizes.encoderBlocks }),
    ...linearParameters("encoder.final.0", width, width),
    ...linearParameters("encoder.final.1", width, 2 * k + 1),
    ...egnnParameters("decoder.", k + C, features, { ...sizes, blocks: sizes.decoderBlocks }),
  ];
}

/**
 * The posterior's means. The network also gives deviations; the released code replaces them by 0.0032.
 *
 * @param x positions `[B,N,3]`, centred
 * @param h one-hot types and charges, unscaled, and properties `[B,N,features+C]`
 * @returns `[B,N,3+k]`
 */
export function encodeMeans(tf: Tf, params: Tensors, sizes: GeoldmSizes, x: tfjs.Tensor, h: tfjs.Tensor): tfjs.Tensor {
  const out = egnn(tf, params, "encoder.", { ...sizes, blocks: sizes.encoderBlocks }, { h, x });
  const final = linear(tf, params, "encoder.final.1", silu(tf, linear(tf, params, "encoder.final.0", out.h)));
  // [ log variance of the positions | means of the k features | their log variances ]
  const means = tf.slice(final, [0, 0, 1], [-1, -1, sizes.latentScalars]);
  return tf.concat([centred(tf, out.x), means], -1);
}

/**
 * The decoder.
 *
 * @param z latents, and properties `[B,N,3+k+C]`
 * @returns x `[B,N,3]`, centred; h `[B,N,features]`: type logits, then the charge
 */
export function decodeLatents(tf: Tf, params: Tensors, sizes: GeoldmSizes, z: tfjs.Tensor) {
  const x = tf.slice(z, [0, 0, 0], [-1, -1, 3]), h = tf.slice(z, [0, 0, 3], [-1, -1, -1]);
  const out = egnn(tf, params, "decoder.", { ...sizes, blocks: sizes.decoderBlocks }, { h, x });
  return { x: centred(tf, out.x), h: out.h };
}
