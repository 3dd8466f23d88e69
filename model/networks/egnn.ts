/**
 * The E(n)-equivariant graph network of Satorras et al., "E(n) equivariant graph neural networks" (2021), eqs. 3 to 6,
 * as EDM and GeoLDM compute it: Hoogeboom et al. (2022), appendix B, Xu et al. (2023), on the complete graph of
 * molecules of one size.
 *
 * For each block, d0 the squared distances at the network's input and d those at the block's:
 *
 *     m_ij = silu(W2 silu(W1 [h_i, h_j, d_ij, d0_ij]))           inferred edge: m_ij *= sigmoid(w m_ij)
 *     h_i += W4 silu(W3 [h_i, sum_(j != i) m_ij / c])             these two `invariantLayers` times
 *     x_i += sum_j (x_i - x_j) / (|x_i - x_j| + norm) g_ij / c    g = range tanh(MLP) or the MLP alone
 *
 * W1 is linear, so it is applied to nodes and broadcast: (A h_i + b) + B h_j + D [d, d0].
 */
import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "./tf.ts";
import { type EgnnSizes, FREQUENCIES } from "./egnn_parameters.ts";
import { linear, parameter, project, silu, type Tensors } from "./pair_attention/layers.ts";

/** Nodes' features `[B,N,k]` and positions `[B,N,3]`. */
export interface Nodes {
  readonly h: tfjs.Tensor;
  readonly x: tfjs.Tensor;
}

/** x_i - x_j `[B,N,N,3]` and its square `[B,N,N,1]`. */
function differences(tf: Tf, x: tfjs.Tensor): { difference: tfjs.Tensor; square: tfjs.Tensor } {
  const difference = tf.sub(tf.expandDims(x, 2), tf.expandDims(x, 1));
  return { difference, square: tf.sum(tf.square(difference), -1, true) };
}

/** sin and cos of 2 pi 4^k d / 15 for k = 0..5, `[B,N,N,12]`; constants to the gradient, as in EDM. */
function sinusoids(tf: Tf, square: tfjs.Tensor): tfjs.Tensor {
  const frequencies = Array.from({ length: FREQUENCIES }, (_, k) => 2 * Math.PI * 4 ** k / 15);
  const constant = tf.customGrad((value) => ({
    value: tf.tidy(() => {
      const phase = tf.mul(tf.sqrt(tf.add(value as tfjs.Tensor, 1e-8)), tf.tensor1d(frequencies));
      return tf.concat([tf.sin(phase), tf.cos(phase)], -1);
    }),
    gradFunc: () => [tf.zerosLike(value as tfjs.Tensor)],
  }));
  return constant(square);
}

/** silu(W2 silu(W1 [h_i, h_j, distances])) of all pairs, `[B,N,N,F]`. */
function pairLayer(tf: Tf, params: Tensors, at: string, h: tfjs.Tensor, distances: tfjs.Tensor): tfjs.Tensor {
  const source = tf.add(project(tf, h, parameter(params, `${at}.source`)), parameter(params, `${at}.bias`));
  const target = project(tf, h, parameter(params, `${at}.target`));
  const between = project(tf, distances, parameter(params, `${at}.distances`)); // [B,N,N,F]
  const first = tf.add(tf.add(between, tf.expandDims(source, 2)), tf.expandDims(target, 1));
  return silu(tf, linear(tf, params, `${at}.hidden`, silu(tf, first)));
}

/** sum_j w_ij m_ij by one small product a node: w `[B,N,N,1]`, m `[B,N,N,F]` -> `[B,N,F]`. */
function weightedSum(tf: Tf, weights: tfjs.Tensor, messages: tfjs.Tensor): tfjs.Tensor {
  const [B, N, , F] = messages.shape;
  const rows = tf.reshape(weights, [B * N, 1, N]), columns = tf.reshape(messages, [B * N, N, F]);
  return tf.reshape(tf.matMul(rows, columns), [B, N, F]);
}

/**
 * The network.
 *
 * The mean aggregation divides by N: the reference counts the (masked) pair of a node with itself, and so do we.
 *
 * @param nodes h `[B,N,inputs]`, x `[B,N,3]`
 * @returns h `[B,N,outputs]`, x `[B,N,3]`; the caller's `tf.tidy` frees what lies between
 */
export function egnn(tf: Tf, params: Tensors, prefix: string, sizes: EgnnSizes, nodes: Nodes): Nodes {
  const { blocks, invariantLayers, attention, tanh, normConstant, coordinateRange } = sizes;
  const N = nodes.x.shape[1]!, divisor = sizes.aggregation === "mean" ? N : sizes.normalisationFactor;
  const features = (square: tfjs.Tensor) => sizes.sinEmbedding ? sinusoids(tf, square) : square;
  // 1 / divisor off the diagonal: no node is its own neighbour.
  const share = tf.div(tf.sub(1, tf.reshape(tf.eye(N), [1, N, N, 1])), divisor);
  let { x } = nodes, { difference, square } = differences(tf, x);
  const start = features(square);
  let h = linear(tf, params, `${prefix}embedding`, nodes.h);
  for (let b = 0; b < blocks; b++) {
    if (b > 0) ({ difference, square } = differences(tf, x));
    const distances = tf.concat([features(square), start], -1);
    for (let l = 0; l < invariantLayers; l++) {
      const at = `${prefix}blocks.${b}.messages.${l}`;
      const messages = pairLayer(tf, params, at, h, distances);
      const weights = attention
        ? tf.mul(tf.sigmoid(linear(tf, params, `${at}.attention`, messages)), share)
        : tf.tile(share, [x.shape[0], 1, 1, 1]);
      const heard = weightedSum(tf, weights, messages);
      const hidden = silu(tf, linear(tf, params, `${at}.node`, tf.concat([h, heard], -1)));
      h = tf.add(h, linear(tf, params, `${at}.update`, hidden));
    }
    const at = `${prefix}blocks.${b}.coordinates`;
    const raw = project(tf, pairLayer(tf, params, at, h, distances), parameter(params, `${at}.out`));
    const gate = tf.mul(tanh ? tf.mul(tf.tanh(raw), coordinateRange) : raw, share); // [B,N,N,1]
    const length = tf.add(tf.sqrt(tf.add(square, 1e-8)), normConstant);
    x = tf.add(x, tf.sum(tf.mul(difference, tf.div(gate, length)), 2));
  }
  return { h: linear(tf, params, `${prefix}embedding_out`, h), x };
}

/** x less its mean over the nodes. */
export function centred(tf: Tf, x: tfjs.Tensor): tfjs.Tensor {
  return tf.sub(x, tf.mean(x, 1, true));
}
