import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { LossTensors } from "../../../model/networks/pair_attention/loss.ts";
import { adamStep } from "../../../model/engines/tensorflow/adamw.ts";
import type { Rates } from "../../../model/diffusion/learner.ts";
import { muonStep, orthogonalise } from "../../../model/engines/tensorflow/muon.ts";
import { createTensorflowLearner } from "../../../model/engines/tensorflow/tensorflow_learner.ts";

const rates: Rates = { muon: 0.02, adamw: 0.05, emaDecay: 0.9, clip: 10 };
/** A group of two-vectors; the loss draws `b` and the first row of `W` towards them. */
interface Points {
  readonly shape: { batch: number; nodes: number };
  readonly points: number[];
}
const points = (...values: number[]): Points => ({ shape: { batch: values.length / 2, nodes: 1 }, points: values });

async function learner(bias = [0, 0]) {
  await tf.setBackend("cpu");
  return createTensorflowLearner<Points>(tf, {
    backend: "cpu",
    specs: [
      { name: "W", shape: [3, 2], optimiser: "muon" },
      { name: "b", shape: [2], optimiser: "adamw" },
    ],
    values: new Map([
      ["W", { shape: [3, 2], data: new Float32Array([0.5, -0.25, 0.1, 0.2, 0.3, 0.4]) }],
      ["b", { shape: [2], data: new Float32Array(bias) }],
    ]),
    loss: ({ W, b }, { points, shape }): LossTensors => {
      const x = tf.tensor2d(points, [shape.batch, 2]);
      const offset = tf.mean(tf.sum(tf.square(tf.sub(x, tf.expandDims(b, 0))), 1)) as tf.Scalar;
      const matrix = tf.mean(tf.sum(tf.square(tf.sub(x, tf.slice(W, [0, 0], [1, 2]))), 1)) as tf.Scalar;
      return { total: tf.add(offset, matrix) as tf.Scalar, parts: { offset, matrix } };
    },
  });
}

Deno.test("orthogonalise() takes singular values near 1 and leaves singular vectors alone", async () => {
  await tf.setBackend("cpu");
  for (const shape of [[2, 5, 9], [1, 9, 5], [3, 6, 6]] as [number, number, number][]) {
    const x = tf.randomNormal(shape, 0, 3, "float32", 7) as tf.Tensor3D, y = orthogonalise(tf, x);
    const tall = shape[1] > shape[2];
    const gram = (tall ? tf.matMul(y, y, true) : tf.matMul(y, y, false, true)) as tf.Tensor3D;
    const n = gram.shape[1], values = gram.dataSync();
    for (let k = 0; k < shape[0]; k++) {
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          const value = values[(k * n + i) * n + j];
          // The quintic brings singular values to about 0.7 to 1.2, so squares to 0.5 to 1.45.
          assert.ok(i === j ? value > 0.4 && value < 1.5 : Math.abs(value) < 0.5, `${shape}: ${value}`);
        }
      }
    }
    // y x^T is symmetric where the singular vectors are x's own.
    const inner = (tall ? tf.matMul(y, x, true) : tf.matMul(y, x, false, true)) as tf.Tensor3D;
    const difference = tf.max(tf.abs(tf.sub(inner, tf.transpose(inner, [0, 2, 1])))).dataSync()[0];
    assert.ok(difference < 1e-3, `${difference}`);
  }
});

Deno.test("muonStep() turns a stack of matrices as it turns each", async () => {
  await tf.setBackend("cpu");
  const g = tf.randomNormal([3, 4, 6], 0, 1, "float32", 1), p = tf.zeros([3, 4, 6]), m = tf.zeros([3, 4, 6]);
  const stack = muonStep(tf, ["a"], { a: p }, { a: m }, { a: g }, 0.1);
  const parts = tf.unstack(g), zeros = tf.zeros([4, 6]);
  const names = ["x", "y", "z"],
    of = (make: (k: number) => tf.Tensor) => Object.fromEntries(names.map((name, k) => [name, make(k)]));
  const single = muonStep(tf, names, of(() => zeros), of(() => zeros), of((k) => parts[k]), 0.1);
  const joined = tf.stack(names.map((name) => single.params[name]));
  assert.ok(tf.max(tf.abs(tf.sub(joined, stack.params.a))).dataSync()[0] < 1e-6);
  // sqrt(out / in) times the rate times an orthogonal matrix of 4 rows.
  const norm = tf.norm(single.params.x).dataSync()[0];
  assert.ok(Math.abs(norm - 0.1 * Math.sqrt(6 / 4) * 2) < 0.06, `${norm}`);
});

Deno.test("adamStep() equals the formula worked out by hand", async () => {
  await tf.setBackend("cpu");
  let [p, m, v] = [0.3, 0, 0];
  let state = {
    params: { a: tf.tensor1d([p]) },
    first: { a: tf.zeros([1]) },
    second: { a: tf.zeros([1]) },
  } as Parameters<
    typeof adamStep
  >[2];
  for (let t = 1; t <= 5; t++) {
    const g = Math.sin(t) + 0.2;
    m = 0.9 * m + 0.1 * g, v = 0.95 * v + 0.05 * g * g;
    p -= 0.01 * (m / (1 - 0.9 ** t)) / (Math.sqrt(v / (1 - 0.95 ** t)) + 1e-8);
    state = adamStep(tf, ["a"], state, { a: tf.tensor1d([g]) }, 0.01, t);
    assert.ok(Math.abs(state.params.a.dataSync()[0] - p) < 1e-6);
  }
});

Deno.test("update() lowers the loss, and the average follows the weights", async () => {
  const one = await learner(), group = points(1, 2, 1.2, 1.8);
  const before = (await one.loss([group], "params")).total;
  for (let k = 0; k < 60; k++) await one.update([group], rates);
  const after = (await one.loss([group], "params")).total, ema = (await one.loss([group], "ema")).total;
  assert.ok(after < 0.3 * before, `${before} to ${after}`);
  assert.ok(ema > after && ema < before);
  one.dispose();
});

Deno.test("update() gives the same whether the molecules come in one group or in two", async () => {
  const a = await learner(), b = await learner();
  const together = await a.update([points(1, 2, 3, 4, 5, 6)], rates);
  const apart = await b.update([points(1, 2), points(3, 4, 5, 6)], rates);
  assert.ok(Math.abs(together.total - apart.total) < 1e-5);
  assert.ok(Math.abs(together.parts.offset - apart.parts.offset) < 1e-5);
  const [x, y] = await Promise.all([a.state(), b.state()]);
  for (const [name, { data }] of x.tensors) {
    data.forEach((value, i) => assert.ok(Math.abs(value - y.tensors.get(name)!.data[i]) < 1e-6, name));
  }
  a.dispose(), b.dispose();
});

Deno.test("update() clips the gradient's global norm", async () => {
  const one = await learner(), clip = 0.5;
  await one.update([points(30, 40)], { ...rates, clip });
  const { tensors } = await one.state();
  // First moments hold a tenth of the clipped gradient, Muon's momentum a twentieth.
  const squares = (name: string, share: number) =>
    tensors.get(name)!.data.reduce((sum, value) => sum + (value / share) ** 2, 0);
  assert.ok(Math.abs(Math.sqrt(squares("first/b", 0.1) + squares("momentum/W", 0.05)) - clip) < 1e-4);
  one.dispose();
});

Deno.test("update() leaves the weights as they were when the loss is no number", async () => {
  const one = await learner(), before = await one.state();
  assert.ok(Number.isNaN((await one.update([points(NaN, 1)], rates)).total));
  assert.deepEqual(await one.state(), before);
  one.dispose();
});

Deno.test("restore() takes a state over, and refuses one that lacks something", async () => {
  const a = await learner(), b = await learner([9, 9]);
  for (let k = 0; k < 3; k++) await a.update([points(1, 2)], rates);
  const state = await a.state();
  await b.restore(state);
  await Promise.all([a.update([points(3, 1)], rates), b.update([points(3, 1)], rates)]);
  assert.deepEqual(await a.state(), await b.state());
  state.tensors.delete("ema/b");
  const kept = await b.state();
  await assert.rejects(() => b.restore(state), /ema\/b must have the shape \[2\]; got none/);
  assert.deepEqual(await b.state(), kept);
  a.dispose(), b.dispose();
});

Deno.test("update() and dispose() free all tensors that they took", async () => {
  await tf.setBackend("cpu");
  const before = tf.memory().numTensors, one = await learner(), made = tf.memory().numTensors;
  for (let k = 0; k < 3; k++) await one.update([points(1, 2), points(3, 4)], rates);
  await one.loss([points(1, 2), points(3, 4)], "ema");
  assert.equal(tf.memory().numTensors, made);
  one.dispose();
  assert.equal(tf.memory().numTensors, before);
});
