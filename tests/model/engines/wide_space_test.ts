/** Latents of many classes (30 scalars: more than a vector register's 16 lanes) and five bond orders, and molecules of 40 nodes, on every engine. */
import { shaken } from "./shaken.ts";
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { drawNoise, latentLength } from "../../../model/diffusion/latent.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import type { Group } from "../../../model/diffusion/learner.ts";
import { random } from "../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import type { BatchShape } from "../../../model/diffusion/types.ts";
import { createNativeDenoiser } from "../../../model/engines/c/native_denoiser.ts";
import { createNativeEngine } from "../../../model/engines/c/native_engine.ts";
import { flatten, unflatten } from "../../../model/engines/c/parameters.ts";
import { createWasmDenoiser } from "../../../model/engines/c/wasm_denoiser.ts";
import { createGpuDenoiser } from "../../../model/engines/webgpu/denoiser.ts";
import { createTrainingEngine } from "../../../model/engines/webgpu/training/engine.ts";
import { createPairAttention, lossAndGradients, toTensors } from "../../../model/networks/pair_attention/denoiser.ts";
import { hasCompiler } from "./c/compiler.ts";
import { found, relativeError, withGpu } from "./webgpu/network.ts";

const space = { vectors: 3, scalars: 30, pairs: 5 }, schedule = cosineSchedule();
/** Narrow, so that the classes are more than its channels. */
const sizes = { width: 16, blocks: 1 };
const width = 3 * space.vectors + space.scalars;

const parameters = () => shaken(space, sizes);

const streams = (count: number) => Array.from({ length: count }, (_, k) => random(5, k));

/** A group with one-hot targets. */
function group(shape: BatchShape): Group {
  const { batch, nodes } = shape, length = latentLength(space, nodes), draw = streams(batch);
  const z = drawNoise(space, shape, draw), target = drawNoise(space, shape, draw);
  const oneHot = (at: number, count: number, value: number) => target.fill(0, at, at + count)[at + value] = 0.5;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < nodes; i++) {
      oneHot(b * length + i * width + 9, space.scalars, draw[b].integer(space.scalars));
      for (let j = 0; j < i; j++) {
        const order = draw[b].integer(space.pairs), pairs = b * length + nodes * width;
        for (const [p, q] of [[i, j], [j, i]]) oneHot(pairs + (p * nodes + q) * space.pairs, space.pairs, order);
      }
    }
  }
  const conditions = draw.map((stream) => ({ time: stream.uniform() }));
  const values = conditions.map(({ time }) => schedule(time));
  return {
    shape,
    z,
    target,
    conditions,
    alpha: Float32Array.from(values, ({ alpha }) => alpha),
    sigma: Float32Array.from(values, ({ sigma }) => sigma),
    weights: Float32Array.from({ length: 3 * batch }, (_, k) => 1 + 0.5 * k),
  };
}

const options = { space, sizes, schedule }, asked = { ...options, workers: 2 };
const shapes: BatchShape[] = [{ batch: 5, nodes: 7 }, { batch: 2, nodes: 40 }];

Deno.test("30 scalars, 5 pair features, 40 nodes: the engines in C and WGSL agree with TensorFlow.js", async () => {
  await tf.setBackend("cpu");
  const reference = createPairAttention(tf, options, parameters());
  const both = await Promise.all(shapes.map(async (shape) => {
    const z = drawNoise(space, shape, streams(shape.batch));
    const at = Array.from({ length: shape.batch }, (_, b) => ({ time: (b + 0.5) / shape.batch }));
    return { shape, z, at, expected: Float32Array.from(await reference.predict(z, shape, at)) };
  }));
  reference.dispose();
  const check = async (name: string, make: () => Promise<Denoiser>) => {
    const engine = await make();
    try {
      for (const { shape, z, at, expected } of both) {
        const error = relativeError(await engine.predict(z, shape, at), expected);
        assert.ok(error < 1e-5, `${name}, ${shape.nodes} nodes: ${error}`);
      }
    } finally {
      engine.dispose();
    }
  };
  await check("WebAssembly", async () => await createWasmDenoiser(asked, parameters()));
  if (hasCompiler) await check("native", async () => await createNativeDenoiser(asked, parameters()));
  if (found.gpu) {
    await withGpu((gpu) => check("WGSL", async () => await createGpuDenoiser({ ...options, gpu }, parameters())));
  }
});

Deno.test({
  name:
    "30 scalars, 5 pair features: losses and gradients agree with TensorFlow.js, in C at 40 nodes, too, and in WGSL",
  ignore: !hasCompiler,
  async fn() {
    await tf.setBackend("cpu");
    const native = createNativeEngine({ space, sizes, threads: 2, train: true });
    const flat = flatten(native.specs, parameters());
    native.array("parameters").set(flat);
    native.refresh();
    try {
      for (const shape of shapes) {
        const batch = group(shape), tensors = toTensors(tf, native.specs, parameters());
        const { losses, gradients } = await lossAndGradients(tf, { space, ...sizes }, tensors, batch);
        const agree = async (mine: ArrayLike<number>, gradient: Float32Array, name: string) => {
          const { positions, scalars, bonds } = losses.parts;
          assert.ok(relativeError(mine, [positions, scalars, bonds]) < 1e-5, `losses of ${shape.nodes} nodes, ${name}`);
          const parts = unflatten(native.specs, gradient);
          for (const { name: part } of native.specs) {
            const error = relativeError(parts.get(part)!.data, await gradients[part].data());
            assert.ok(error < 1e-4, `${part} of ${shape.nodes} nodes, ${name}: ${error}`);
          }
        };
        const { positions, scalars, bonds } = await native.gradient([batch]);
        await agree([positions, scalars, bonds], native.array("gradient"), "native");
        if (found.gpu && shape.nodes <= 24) { // in 32 KiB of workgroup memory; more where there is more
          await withGpu(async (gpu) => {
            const engine = await createTrainingEngine(gpu, { space, sizes }, flat);
            try {
              const found = await engine.gradient([batch]);
              await agree(found.losses, found.gradient, "WGSL");
            } finally {
              engine.dispose();
            }
          });
        }
        tf.dispose([tensors, gradients]);
      }
    } finally {
      native.dispose();
    }
  },
});
