import assert from "node:assert/strict";
import { conditioned } from "../../../../model/diffusion/condition.ts";
import { at } from "../../../conditions.ts";
import * as tf from "@tensorflow/tfjs";
import { randomRotation } from "../../../../model/networks/heavy_atom/encode.ts";
import { heavyAtomSpace } from "../../../../model/networks/heavy_atom/space.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import {
  createPairAttention,
  initialise,
  lossAndGradients,
} from "../../../../model/networks/pair_attention/denoiser.ts";
import { pairAttentionLoss } from "../../../../model/networks/pair_attention/loss.ts";
import { random } from "../../../../model/diffusion/random.ts";
import type { Group } from "../../../../model/diffusion/learner.ts";

const space = heavyAtomSpace(), sizes = { width: 32, blocks: 2, estimates: true }, N = 5, B = 2, width = 9 + 12;
const schedule = (t: number) => {
  const alpha = Math.cos(t * Math.PI / 2 * 0.9995);
  return { alpha, sigma: Math.sqrt(1 - alpha * alpha) };
};

/** Parameters with noise on all of them, so that none of the zeros of a fresh network hides an error. */
function shaken(seed: number) {
  const params = initialise(space, sizes, seed);
  let k = 0;
  for (const { data } of params.values()) {
    const draw = random(seed, k++, 9);
    for (let i = 0; i < data.length; i++) data[i] += 0.1 * draw.normal();
  }
  return params;
}

/** A group of noisy random latents with one-hot targets. */
function makeGroup(seed: number): Group {
  const length = latentLength(space, N), shape = { batch: B, nodes: N };
  const z = drawNoise(space, shape, [random(seed, 0), random(seed, 1)]);
  const target = drawNoise(space, shape, [random(seed, 2), random(seed, 3)]), draw = random(seed, 4);
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < N; i++) {
      target.fill(0, b * length + i * width + 9, b * length + (i + 1) * width);
      target[b * length + i * width + 9 + draw.integer(12)] = 0.5;
    }
    const pairs = b * length + N * width;
    target.fill(0, pairs, (b + 1) * length);
    for (let i = 0; i < N; i++) {
      for (let j = 0; j < i; j++) {
        const order = draw.integer(4);
        target[pairs + (i * N + j) * 4 + order] = target[pairs + (j * N + i) * 4 + order] = 0.5;
      }
    }
  }
  return {
    shape,
    z,
    target,
    ...conditioned([{ time: 0.3 }, { time: 0.8 }], schedule),
    weights: new Float32Array([2, 0.7, 0.4, 1.5, 0.6, 0.9]),
  };
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);

async function predict(z: Float32Array, t: number | Float32Array = 0.4): Promise<Float32Array> {
  await tf.setBackend("cpu");
  const denoiser = createPairAttention(tf, { space, sizes, schedule }, shaken(1));
  try {
    return Float32Array.from(await denoiser.predict(z, { batch: z.length / latentLength(space, N), nodes: N }, at(t)));
  } finally {
    denoiser.dispose();
  }
}

const noise = (seed: number) => drawNoise(space, { batch: B, nodes: N }, [random(seed, 0), random(seed, 1)]);

/** Applies `each` to every vector of every node. */
function mapVectors(z: Float32Array, each: (v: Float32Array, which: number) => number[]): Float32Array {
  const out = z.slice(), length = latentLength(space, N);
  for (let b = 0; b < z.length / length; b++) {
    for (let i = 0; i < N; i++) {
      for (let v = 0; v < 3; v++) {
        const at = b * length + i * width + 3 * v;
        out.set(each(z.subarray(at, at + 3), v), at);
      }
    }
  }
  return out;
}

Deno.test("predict() turns with its input, reflections too", async () => {
  const z = noise(2), a = await predict(z);
  for (const seed of [1, 2, 3]) {
    const r = randomRotation(random(seed));
    const turn = (x: Float32Array) =>
      mapVectors(x, (v) => [0, 1, 2].map((i) => r[3 * i] * v[0] + r[3 * i + 1] * v[1] + r[3 * i + 2] * v[2]));
    assert.ok(largest(turn(a), await predict(turn(z))) < 2e-5);
  }
});

Deno.test("predict() permutes with its input", async () => {
  const order = [3, 0, 4, 1, 2], length = latentLength(space, N);
  const permute = (z: Float32Array) => {
    const out = z.slice();
    for (let b = 0; b < B; b++) {
      for (let i = 0; i < N; i++) {
        const from = b * length + order[i] * width;
        out.set(z.subarray(from, from + width), b * length + i * width);
        for (let j = 0; j < N; j++) {
          const pair = b * length + N * width + (order[i] * N + order[j]) * 4;
          out.set(z.subarray(pair, pair + 4), b * length + N * width + (i * N + j) * 4);
        }
      }
    }
    return out;
  };
  const z = noise(3);
  assert.ok(largest(permute(await predict(z)), await predict(permute(z))) < 2e-5);
});

Deno.test("predict() gives centred positions, probabilities times a half and symmetric pairs with an empty diagonal", async () => {
  const x0 = await predict(noise(4)), length = latentLength(space, N);
  for (let b = 0; b < B; b++) {
    for (let axis = 0; axis < 3; axis++) {
      let mean = 0;
      for (let i = 0; i < N; i++) mean += x0[b * length + i * width + axis] / N;
      assert.ok(Math.abs(mean) < 1e-6);
    }
    for (let i = 0; i < N; i++) {
      const classes = x0.slice(b * length + i * width + 9, b * length + (i + 1) * width);
      assert.ok(Math.abs(classes.reduce((sum, p) => sum + p) - 0.5) < 1e-5);
      for (let j = 0; j < N; j++) {
        const at = (p: number, q: number) => b * length + N * width + (p * N + q) * 4;
        const ij = x0.slice(at(i, j), at(i, j) + 4), ji = x0.slice(at(j, i), at(j, i) + 4);
        assert.ok(largest(ij, ji) < 1e-6);
        assert.ok(Math.abs(ij.reduce((sum, p) => sum + p) - (i === j ? 0 : 0.5)) < 1e-5);
      }
    }
  }
});

Deno.test("predict() treats each molecule alone, at its own time", async () => {
  const z = noise(5), length = latentLength(space, N);
  const together = await predict(z, new Float32Array([0.2, 0.9]));
  assert.ok(largest(together.slice(0, length), await predict(z.slice(0, length), 0.2)) < 1e-5);
  assert.ok(largest(together.slice(length), await predict(z.slice(length), 0.9)) < 1e-5);
});

Deno.test("createPairAttention() throws RangeError when a parameter is missing or of another shape", () => {
  const params = initialise(space, sizes, 1);
  params.delete("blocks.1.mix");
  assert.throws(
    () => createPairAttention(tf, { space, sizes, schedule }, params),
    /blocks\.1\.mix must be of shape .*; got none/,
  );
  const wide = { space, sizes: { width: 48, blocks: 2 }, schedule };
  assert.throws(
    () => createPairAttention(tf, wide, initialise(space, sizes, 1)),
    /input\.weight must be of shape \[28,48\]; got \[28,32\]/,
  );
});

Deno.test("initialise() gives the same values for the same seed, within the specs' bounds", () => {
  const a = initialise(space, sizes, 4), b = initialise(space, sizes, 4), c = initialise(space, sizes, 5);
  assert.deepEqual(a, b);
  assert.notDeepEqual(a.get("input.weight"), c.get("input.weight"));
  const bound = 1 / Math.sqrt(28), input = a.get("input.weight")!.data;
  assert.ok(input.every((value) => Math.abs(value) <= bound) && Math.max(...input) > 0.9 * bound);
  assert.ok(a.get("blocks.0.out.weight")!.data.every((value) => value === 0));
  assert.ok(Math.abs(a.get("blocks.0.mix")!.data[17] - 1) < 0.5);
});

Deno.test("lossAndGradients() agrees with finite differences in every parameter", async () => {
  await tf.setBackend("cpu");
  const values = shaken(6), group = makeGroup(7), before = tf.memory().numTensors;
  const params = Object.fromEntries([...values].map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]));
  const { losses, gradients } = await lossAndGradients(tf, { space, ...sizes }, params, group);
  assert.ok(Math.abs(losses.total - Object.values(losses.parts).reduce((a, b) => a + b)) < 1e-4 * losses.total);
  const lossAt = (name: string, data: Float32Array) =>
    tf.tidy(() => {
      const moved = { ...params, [name]: tf.tensor(data, values.get(name)!.shape) };
      return pairAttentionLoss(tf, space, sizes, moved, group).total.dataSync()[0];
    });
  let worst = 0;
  for (const [name, { data }] of values) {
    // Along the gradient itself the derivative is its length: the best signal that float32 leaves.
    const gradient = gradients[name].dataSync(), length = Math.hypot(...gradient);
    assert.ok(length > 0, `${name} has no gradient`);
    const step = Math.min(0.02 / length * losses.total, 0.05);
    const shifted = (sign: number) => data.map((value, i) => value + sign * step * gradient[i] / length);
    const slope = (lossAt(name, shifted(1)) - lossAt(name, shifted(-1))) / (2 * step);
    const error = Math.abs(slope - length) / length;
    worst = Math.max(worst, error);
    assert.ok(error < 0.02, `${name}: ${slope} by differences, ${length} by differentiation`);
  }
  console.log(`largest relative error of a directional derivative: ${worst.toExponential(1)}`);
  tf.dispose([params, gradients]);
  assert.equal(tf.memory().numTensors, before);
});
