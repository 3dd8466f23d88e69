/** Small pieces of the pair-attention network on TensorFlow.js. */
import type * as tfjs from "@tensorflow/tfjs";

/** TensorFlow.js with some backend. */
export type Tf = typeof tfjs;

/** Tensors by parameter name. */
export type Tensors = Readonly<Record<string, tfjs.Tensor>>;

/** The parameters below one name, in either of the places where they may be looked up. */
export function parameter(params: Tensors, name: string): tfjs.Tensor {
  const tensor = params[name];
  if (!tensor) throw new RangeError(`parameters must have ${name}; got ${Object.keys(params).length} others`);
  return tensor;
}

/** x W for x `[..., in]`, W `[in, out]`. */
export function project(tf: Tf, x: tfjs.Tensor, weight: tfjs.Tensor): tfjs.Tensor {
  const [input, output] = weight.shape, flat = tf.reshape(x, [-1, input]);
  return tf.reshape(tf.matMul(flat, weight as tfjs.Tensor2D), [...x.shape.slice(0, -1), output]);
}

/** x W + b of the layer `name`. */
export function linear(tf: Tf, params: Tensors, name: string, x: tfjs.Tensor): tfjs.Tensor {
  return tf.add(project(tf, x, parameter(params, `${name}.weight`)), parameter(params, `${name}.bias`));
}

/** x sigmoid(x) */
export function silu(tf: Tf, x: tfjs.Tensor): tfjs.Tensor {
  return tf.mul(x, tf.sigmoid(x));
}

/** Layer norm over the last axis, no affine part. */
export function layerNorm(tf: Tf, x: tfjs.Tensor, epsilon = 1e-5): tfjs.Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  return tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon)));
}

/** 1 off the diagonal, 0 on it: `[1, N, N, 1]`. */
export function offDiagonal(tf: Tf, nodes: number): tfjs.Tensor {
  return tf.reshape(tf.sub(1, tf.eye(nodes)), [1, nodes, nodes, 1]);
}
