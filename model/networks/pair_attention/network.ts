/**
 * The pair-attention denoiser as a pure function of its parameters on TensorFlow.js; docs/denoiser.md is its mathematics.
 * Wide atoms, narrow pairs; coordinate sets that are linear mixtures of the input vectors, so that rotating the input
 * rotates the output.
 */
import type * as tfjs from "@tensorflow/tfjs";
import { ANGSTROM } from "../heavy_atom/space.ts";
import { layerNorm, linear, offDiagonal, parameter, project, silu, type Tensors, type Tf } from "./layers.ts";
import { HEADS, PAIR_WIDTH, type PairAttentionSizes, SETS } from "./parameters.ts";

/** What the network is told of B molecules; see `conditions.ts`. */
export interface ConditionTensors {
  /** `[B, 16 + graph + 2 properties + scale + levels]` */
  readonly condition: tfjs.Tensor;
  /** `[B]` each. */
  readonly alpha: tfjs.Tensor;
  readonly sigma: tfjs.Tensor;
}

/** A batch of B noisy molecules of N nodes. */
export interface NetworkInputs extends ConditionTensors {
  /** `[B, N, V, 3]` */
  readonly vectors: tfjs.Tensor;
  /** `[B, N, K]` */
  readonly scalars: tfjs.Tensor;
  /** `[B, N, N, P]`, zero on the diagonal. */
  readonly pairs: tfjs.Tensor;
}

/** What the network says of the clean molecule. */
export interface NetworkOutputs {
  /** x0 estimate `[B, N, V, 3]`; the first vector is centred. */
  readonly vectors: tfjs.Tensor;
  /** `[B, N, K]` */
  readonly scalarLogits: tfjs.Tensor;
  /** `[B, N, N, P]`, symmetric in the nodes; the diagonal means nothing. */
  readonly bondLogits: tfjs.Tensor;
}

/** Inner products and distances of the normalised coordinate sets. */
interface Geometry {
  /** X / rms `[B, C, N, 3]` */
  readonly X: tfjs.Tensor;
  /** |X_i - X_j| `[B, N, N, C]` */
  readonly D: tfjs.Tensor;
  /** <X_i, X_j> / (1 + |X_i|^2 + |X_j|^2) `[B, N, N, C]` */
  readonly S: tfjs.Tensor;
  /** |X_i| `[B, N, C]` */
  readonly norms: tfjs.Tensor;
}

/** Eight functions of the distances between positions `[B, N, 3]`: `[B, N, N, 8]`. */
function radialFunctions(tf: Tf, positions: tfjs.Tensor): tfjs.Tensor {
  const difference = tf.sub(tf.expandDims(positions, 2), tf.expandDims(positions, 1)); // [B,N,N,3]
  const d2 = tf.mul(tf.sum(tf.square(difference), -1, true), ANGSTROM * ANGSTROM); // [B,N,N,1]
  const d = tf.sqrt(tf.add(d2, 1e-6));
  const bump = (centre: number, width: number) => tf.exp(tf.mul(tf.square(tf.sub(d, centre)), -1 / width));
  return tf.concat([
    tf.mul(d, 0.3),
    bump(1.2, 0.02),
    bump(1.34, 0.02),
    bump(1.5, 0.02),
    bump(2.4, 0.2),
    bump(3, 0.5),
    tf.exp(tf.mul(d, -0.5)),
    tf.reciprocal(tf.add(d2, 1)),
  ], -1);
}

/** The first vectors of `[B, N, V, 3]`: positions `[B, N, 3]`. */
function firstVectors(tf: Tf, vectors: tfjs.Tensor): tfjs.Tensor {
  return tf.squeeze(tf.slice(vectors, [0, 0, 0, 0], [-1, -1, 1, -1]), [2]);
}

/** Takes coordinate sets X `[B, C, N, 3]` to unit mean square and measures them. */
function geometry(tf: Tf, sets: tfjs.Tensor): Geometry {
  const squares = tf.sum(tf.square(sets), -1, true); // [B,C,N,1]
  const X = tf.mul(sets, tf.rsqrt(tf.add(tf.mean(squares, 2, true), 1e-2)));
  const G = tf.matMul(X, X, false, true); // [B,C,N,N]
  const q = tf.sum(tf.square(X), -1, true); // [B,C,N,1]
  const qq = tf.add(q, tf.transpose(q, [0, 1, 3, 2])); // [B,C,N,N]
  const D = tf.sqrt(tf.add(tf.relu(tf.sub(qq, tf.mul(G, 2))), 1e-4));
  const S = tf.div(G, tf.add(qq, 1));
  const last = (x: tfjs.Tensor) => tf.transpose(x, [0, 2, 3, 1]); // [B,N,N,C]
  const norms = tf.transpose(tf.sqrt(tf.add(tf.squeeze(q, [3]), 1e-4)), [0, 2, 1]);
  return { X, D: last(D), S: last(S), norms };
}

/** Attention over the nodes with a bias a pair and head; `[B, N, f]`, heads fastest in the columns. */
function attention(tf: Tf, params: Tensors, at: string, hn: tfjs.Tensor, bias: tfjs.Tensor): tfjs.Tensor {
  const [B, N, f] = hn.shape, d = f / HEADS;
  const weights = tf.unstack(parameter(params, `${at}.qkv.weight`)),
    biases = tf.unstack(
      parameter(params, `${at}.qkv.bias`),
    );
  const [q, k, v] = weights.map((weight, i) => {
    const columns = tf.add(project(tf, hn, weight), biases[i]);
    return tf.transpose(tf.reshape(columns, [B, N, d, HEADS]), [0, 3, 1, 2]); // [B,H,N,d]
  });
  const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(d)), tf.transpose(bias, [0, 3, 1, 2]));
  const o = tf.matMul(tf.softmax(scores, -1), v); // [B,H,N,d]
  return tf.reshape(tf.transpose(o, [0, 2, 3, 1]), [B, N, f]);
}

/** What pairs are told `[B, N, N, e]`, and where the network looks at its own estimate, what that adds. */
function withEstimate(tf: Tf, params: Tensors, at: string, told: tfjs.Tensor, estimated?: tfjs.Tensor): tfjs.Tensor {
  return estimated ? tf.add(told, project(tf, estimated, parameter(params, `${at}.estimate.weight`))) : told;
}

/** One block: (h `[B, N, f]`, X `[B, C, N, 3]`) to the same. */
function block(
  tf: Tf,
  params: Tensors,
  at: string,
  [h, sets]: [tfjs.Tensor, tfjs.Tensor],
  r0: tfjs.Tensor,
  mask: tfjs.Tensor,
  estimated: tfjs.Tensor | undefined,
): [tfjs.Tensor, tfjs.Tensor] {
  const f = h.shape[2]!, hn = layerNorm(tf, h), { X, D, S, norms } = geometry(tf, sets);
  const [a, b] = tf.split(linear(tf, params, `${at}.edge`, tf.concat([hn, norms], -1)), 2, -1);
  const radial = withEstimate(
    tf,
    params,
    at,
    project(tf, tf.concat([r0, D, S], -1), parameter(params, `${at}.radial.weight`)),
    estimated,
  );
  const hidden = silu(tf, tf.add(tf.add(tf.expandDims(a, 2), tf.expandDims(b, 1)), radial)); // [B,N,N,e]
  const [message, bias, weight] = tf.split(linear(tf, params, `${at}.pair`, hidden), [PAIR_WIDTH, HEADS, SETS], -1);
  const m = tf.mul(silu(tf, message), mask);
  const c = tf.transpose(tf.div(tf.mul(weight, tf.mul(mask, 1 / 3)), tf.add(D, 1)), [0, 3, 1, 2]); // [B,C,N,N]

  const o = attention(tf, params, at, hn, bias), messages = tf.mul(tf.sum(m, 2), 1 / 3); // [B,N,e]
  h = tf.add(h, linear(tf, params, `${at}.out`, tf.concat([o, messages], -1)));
  const y = linear(
    tf,
    params,
    `${at}.down`,
    silu(tf, linear(tf, params, `${at}.up`, tf.concat([layerNorm(tf, h), norms], -1))),
  );
  const [dh, gate] = tf.split(y, [f, SETS], -1);
  h = tf.add(h, dh);
  const g = tf.expandDims(tf.transpose(tf.tanh(gate), [0, 2, 1]), 3); // [B,C,N,1]
  const U = tf.sub(tf.mul(tf.add(tf.sum(c, -1, true), g), X), tf.matMul(c, X)); // [B,C,N,3]
  const mixed = project(tf, tf.transpose(U, [0, 2, 3, 1]), parameter(params, `${at}.mix`)); // [B,N,3,C]
  return [h, tf.add(sets, tf.transpose(mixed, [0, 3, 1, 2]))];
}

/**
 * The network. Equivariant under rotation, reflection and permutation of the nodes; blind to shifts of the positions in
 * `h`, and centred in its output where the input is.
 *
 * @param params by the names of `parameters.ts`
 * @param sizes those that `params` has; `without`: a block that is left out
 */
export function pairAttention(
  tf: Tf,
  params: Tensors,
  { blocks, estimates, without }: Pick<PairAttentionSizes, "blocks" | "estimates"> & { readonly without?: number },
  inputs: NetworkInputs,
): NetworkOutputs {
  const { vectors, scalars, pairs, condition, alpha, sigma } = inputs, [B, N] = vectors.shape;
  const told = tf.tile(tf.expandDims(condition, 1), [1, N, 1]);
  const mask = offDiagonal(tf, N);
  const r0 = tf.concat([radialFunctions(tf, firstVectors(tf, vectors)), pairs], -1); // [B,N,N,8+P]
  const over = (x: tfjs.Tensor) => tf.reshape(x, [B, 1, 1, 1]);
  /** The estimate `[B, N, V, 3]` that coordinate sets make, not centred. */
  const readOut = (sets: tfjs.Tensor) => {
    const O = project(tf, tf.transpose(sets, [0, 2, 3, 1]), parameter(params, "coordinates.out")); // [B,N,3,V]
    return tf.add(tf.mul(over(alpha), vectors), tf.mul(over(sigma), tf.transpose(O, [0, 1, 3, 2])));
  };
  const look = (sets: tfjs.Tensor) => estimates ? radialFunctions(tf, firstVectors(tf, readOut(sets))) : undefined;
  let h = linear(tf, params, "input", tf.concat([scalars, told], -1));
  // X[b,c,n,:] = sum_v v[b,n,v,:] cin[v,c]
  let X = tf.transpose(
    project(tf, tf.transpose(vectors, [0, 1, 3, 2]), parameter(params, "coordinates.in")),
    [0, 3, 1, 2],
  );
  for (let k = 0; k < blocks; k++) {
    if (k !== without) [h, X] = block(tf, params, `blocks.${k}`, [h, X], r0, mask, look(X));
  }

  const hl = layerNorm(tf, h), scalarLogits = linear(tf, params, "scalars", hl);
  const { D } = geometry(tf, X), p = linear(tf, params, "bonds.node", hl);
  const pair = withEstimate(
    tf,
    params,
    "bonds",
    linear(tf, params, "bonds.pair", tf.concat([r0, D], -1)),
    look(X),
  );
  const bondLogits = linear(
    tf,
    params,
    "bonds.out",
    silu(tf, tf.add(tf.add(tf.expandDims(p, 2), tf.expandDims(p, 1)), pair)),
  );
  const [first, rest] = tf.split(readOut(X), [1, vectors.shape[2]! - 1], 2);
  return { vectors: tf.concat([tf.sub(first, tf.mean(first, 1, true)), rest], 2), scalarLogits, bondLogits };
}
