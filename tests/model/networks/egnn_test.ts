import { RELEASED_EGNN } from "../../../model/networks/egnn_parameters.ts";
import assert from "node:assert/strict";
import { at } from "../../conditions.ts";
import type * as tfjs from "@tensorflow/tfjs";
import { openBackend } from "../../../model/engines/tensorflow/open.ts";
import type { Tf } from "../../../model/networks/tf.ts";
import {
  createEgnnDenoiser,
  egnnDenoiserParameters,
  type EgnnDenoiserSizes,
  egnnPrediction,
  towardsX0,
} from "../../../model/networks/egnn_denoiser.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { initialValues } from "../../../model/networks/pair_attention/initialise.ts";
import { random } from "../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import { assertClose, assertDenoiserSymmetries, assertGradient } from "../../properties.ts";

const space = { vectors: 1, scalars: 2, pairs: 0 }, schedule = cosineSchedule({ factor: 0.99 });
const plain: EgnnDenoiserSizes = {
  width: 16,
  blocks: 2,
  ...RELEASED_EGNN,
  conditionTime: true,
  parametrisation: "eps",
};

/** Parameters larger than a fresh network's, above all those that move the coordinates, so that all of them act. */
function parameters(sizes: EgnnDenoiserSizes, seed = 1) {
  const values = initialValues(egnnDenoiserParameters(space, sizes), seed);
  for (const [name, { data }] of values) {
    const gain = name.endsWith("coordinates.out") ? 200 : 2;
    data.forEach((value, i) => data[i] = gain * value);
  }
  return values;
}

const variants: Record<string, Partial<EgnnDenoiserSizes>> = {
  "as GeoLDM has it": {},
  "without attention and tanh, two message layers": { attention: false, tanh: false, invariantLayers: 2 },
  "with sinusoidal distances, mean aggregation, norm constant 0": {
    sinEmbedding: true,
    aggregation: "mean",
    normConstant: 0,
  },
  "without time, predicting x0": { conditionTime: false, parametrisation: "x0" },
};

for (const [name, change] of Object.entries(variants)) {
  Deno.test(`createEgnnDenoiser() is equivariant ${name}`, async () => {
    const { tf } = await openBackend("cpu"), sizes = { ...plain, ...change };
    const denoiser = createEgnnDenoiser(tf, { space, sizes, schedule }, parameters(sizes));
    await assertDenoiserSymmetries(denoiser);
    denoiser.dispose();
  });
}

/** |f(params, z, t)|^2 summed with fixed weights: a function whose every derivative matters. */
function lossOf(tf: Tf, sizes: EgnnDenoiserSizes, z: tfjs.Tensor, params: Record<string, tfjs.Tensor>): tfjs.Scalar {
  const out = egnnPrediction(tf, params, sizes, z, tf.tensor1d([0.3, 0.8]));
  const weights = tf.reshape(tf.sin(tf.range(0, out.size)), out.shape as [number, number, number]);
  return tf.sum(tf.mul(tf.square(out), weights));
}

Deno.test("egnnPrediction() has the gradients that finite differences give, in latents and parameters", async () => {
  const { tf } = await openBackend("cpu"), shape = [2, 4, 5] as [number, number, number];
  const values = parameters(plain), z = drawNoise(space, { batch: 2, nodes: 4 }, [random(3, 0), random(3, 1)]);
  const names = [...values.keys()];
  const fixed = Object.fromEntries([...values].map(([name, { data, shape }]) => [name, tf.tensor(data, shape)]));
  const at = (input: Float32Array) => tf.tidy(() => lossOf(tf, plain, tf.tensor3d(input, shape), fixed).dataSync()[0]);
  const ofZ = tf.tidy(() =>
    tf.grad((input) => lossOf(tf, plain, input, fixed))(tf.tensor3d(z, shape)).dataSync() as Float32Array
  );
  assertGradient(at, ofZ, z);
  const gradients = tf.tidy(() =>
    tf.grads((...tensors: tfjs.Tensor[]) =>
      lossOf(tf, plain, tf.tensor3d(z, shape), Object.fromEntries(tensors.map((tensor, i) => [names[i], tensor])))
    )(names.map((name) => fixed[name])).map((gradient) => gradient.dataSync() as Float32Array)
  );
  names.forEach((name, i) => {
    const value = (data: Float32Array) =>
      tf.tidy(() =>
        lossOf(tf, plain, tf.tensor3d(z, shape), { ...fixed, [name]: tf.tensor(data, fixed[name].shape) }).dataSync()[0]
      );
    assertGradient(value, gradients[i], values.get(name)!.data, { directions: 3, tolerance: 2e-2 });
  });
});

Deno.test("egnnPrediction() frees all that it makes but its result when tidied", async () => {
  const { tf } = await openBackend("cpu");
  const denoiser = createEgnnDenoiser(tf, { space, sizes: plain, schedule }, parameters(plain));
  const z = drawNoise(space, { batch: 1, nodes: 4 }, [random(3, 0)]), before = tf.memory().numTensors;
  await denoiser.predict(z, { batch: 1, nodes: 4 }, at(0.5));
  assert.equal(tf.memory().numTensors, before);
  denoiser.dispose();
  assert.ok(tf.memory().numTensors < before);
});

Deno.test("towardsX0() inverts each parametrisation", () => {
  const { alpha, sigma } = schedule(0.4), x0 = [0.3, -1.2], eps = [0.7, 0.1];
  const z = x0.map((x, i) => alpha * x + sigma * eps[i]);
  const predictions = { eps, x0, v: x0.map((x, i) => alpha * eps[i] - sigma * x) };
  for (const [name, prediction] of Object.entries(predictions)) {
    const [ofZ, ofPrediction] = towardsX0(name as keyof typeof predictions, alpha, sigma);
    assertClose(z.map((value, i) => ofZ * value + ofPrediction * prediction[i]), x0, 1e-12, name);
  }
});

Deno.test("createEgnnDenoiser() refuses what it cannot run", async () => {
  const { tf } = await openBackend("cpu"), values = parameters(plain);
  const make = (change: Partial<typeof space>, without?: string) => () => {
    const given = new Map([...values].filter(([name]) => name !== without));
    createEgnnDenoiser(tf, { space: { ...space, ...change }, sizes: plain, schedule }, given);
  };
  assert.throws(make({ vectors: 3 }), /one vector a node/);
  assert.throws(make({ pairs: 4 }), /no pairs/);
  assert.throws(make({}, "blocks.1.coordinates.out"), /blocks\.1\.coordinates\.out/);
  assert.throws(make({ scalars: 3 }), RangeError);
});
