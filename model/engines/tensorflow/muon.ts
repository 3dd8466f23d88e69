/** Muon: momentum made orthogonal by Newton-Schulz steps (Jordan et al., 2024), on TensorFlow.js. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../../networks/pair_attention/layers.ts";

/** Momentum, with Nesterov's look ahead. */
export const MOMENTUM = 0.95;

/** Coefficients of the quintic x -> a x + b x^3 + c x^5 that takes singular values towards 1. */
export const QUINTIC = [3.4445, -4.7750, 2.0315] as const, STEPS = 5;

/** Makes each matrix of `x` `[n, in, out]` nearly orthogonal: five Newton-Schulz steps from x / |x|. */
export function orthogonalise(tf: Tf, x: tfjs.Tensor3D): tfjs.Tensor3D {
  const [A, B, C] = QUINTIC;
  return tf.tidy(() => {
    const norm = tf.sqrt(tf.sum(tf.square(x), [1, 2], true));
    let X = tf.div(x, tf.add(norm, 1e-7));
    const tall = x.shape[1] > x.shape[2]; // the Gram matrix on the shorter side
    for (let step = 0; step < STEPS; step++) {
      const gram = tall ? tf.matMul(X, X, true, false) : tf.matMul(X, X, false, true);
      const quintic = tf.add(tf.mul(gram, B), tf.mul(tf.matMul(gram, gram), C));
      X = tf.add(tf.mul(X, A), tall ? tf.matMul(X, quintic) : tf.matMul(quintic, X));
    }
    return X as tfjs.Tensor3D;
  });
}

/**
 * New values and momenta of matrices under Muon. A parameter `[in, out]` is one matrix, `[k, in, out]` is k.
 *
 * m <- 0.95 m + 0.05 g; u = 0.05 g + 0.95 m; p <- p - rate sqrt(max(1, out/in)) orthogonalise(u)
 */
export function muonStep(
  tf: Tf,
  names: readonly string[],
  params: Readonly<Record<string, tfjs.Tensor>>,
  momenta: Readonly<Record<string, tfjs.Tensor>>,
  gradients: Readonly<Record<string, tfjs.Tensor>>,
  rate: number,
): { params: Record<string, tfjs.Tensor>; momenta: Record<string, tfjs.Tensor> } {
  const newParams: Record<string, tfjs.Tensor> = {}, newMomenta: Record<string, tfjs.Tensor> = {};
  // Matrices of one shape are turned together: fewer, larger operations.
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const key = params[name].shape.slice(-2).join();
    groups.set(key, [...groups.get(key) ?? [], name]);
  }
  for (const members of groups.values()) {
    const [rows, columns] = params[members[0]].shape.slice(-2);
    const steps = members.map((name) => {
      const g = gradients[name];
      newMomenta[name] = tf.add(tf.mul(momenta[name], MOMENTUM), tf.mul(g, 1 - MOMENTUM));
      const u = tf.add(tf.mul(g, 1 - MOMENTUM), tf.mul(newMomenta[name], MOMENTUM));
      return tf.reshape(u, [-1, rows, columns]) as tfjs.Tensor3D;
    });
    const turned = orthogonalise(tf, tf.concat(steps, 0));
    const scale = rate * Math.sqrt(Math.max(1, columns / rows));
    tf.split(turned, steps.map((step) => step.shape[0]), 0).forEach((part, k) => {
      const name = members[k];
      newParams[name] = tf.sub(params[name], tf.mul(tf.reshape(part, params[name].shape), scale));
    });
  }
  return { params: newParams, momenta: newMomenta };
}
