import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import * as tf from "@tensorflow/tfjs";
import { createGpuDenoiser, type GpuDenoiser } from "../../../../model/engines/webgpu/denoiser.ts";
import { latentLength } from "../../../../model/diffusion/latent.ts";
import { createPairAttention } from "../../../../model/networks/pair_attention/denoiser.ts";
import type { PairAttentionSizes } from "../../../../model/networks/pair_attention/parameters.ts";
import type { Denoiser } from "../../../../model/diffusion/denoiser.ts";
import { found, noisy, parameters, relativeError, schedule, space, withGpu } from "./network.ts";

const sizes = { width: 32, blocks: 2 }, ignore = !found.gpu;

/** A denoiser on the GPU, and the reference. */
async function withBoth(
  work: (gpu: GpuDenoiser, reference: Denoiser) => Promise<void>,
  { precision = "f32" as "f32" | "f16", ...changed }: Partial<PairAttentionSizes> & { precision?: "f32" | "f16" } = {},
): Promise<void> {
  await tf.setBackend("cpu");
  const own = { ...sizes, ...changed }, values = parameters(own), options = { space, sizes: own, schedule };
  const reference = createPairAttention(tf, options, values);
  try {
    await withGpu(async (device) => {
      const gpu = await createGpuDenoiser({ ...options, gpu: device, precision }, values);
      try {
        await work(gpu, reference);
      } finally {
        gpu.dispose();
      }
    });
  } finally {
    reference.dispose();
  }
}

for (const estimates of [false, true]) {
  const of = estimates ? ", of a network that sees its own estimate" : "";
  Deno.test({
    name: `the GPU engine agrees with TensorFlow.js at every size and batch${of}`,
    ignore,
    fn: () =>
      withBoth(async (gpu, reference) => {
        for (const [nodes, batch] of [[1, 3], [2, 1], [3, 5], [9, 1], [9, 15], [17, 3]]) {
          const shape = { nodes, batch }, { z, t } = noisy(shape);
          const error = relativeError(await gpu.predict(z, shape, at(t)), await reference.predict(z, shape, at(t)));
          assert.ok(error < 1e-5, `${batch} of ${nodes} nodes: ${error}`);
        }
      }, { estimates }),
  });

  Deno.test({
    name: `the GPU engine agrees with TensorFlow.js on more nodes than a workgroup takes at a time${of}`,
    ignore,
    fn: () =>
      withBoth(async (gpu, reference) => {
        const shape = { nodes: 67, batch: 2 }, { z, t } = noisy(shape);
        const error = relativeError(await gpu.predict(z, shape, at(t)), await reference.predict(z, shape, at(t)));
        assert.ok(error < 1e-5, `${error}`);
      }, { width: 16, blocks: 1, estimates }),
  });
}

Deno.test({
  name: "the GPU engine agrees with TensorFlow.js where the network is told the number of steps",
  ignore,
  fn: () =>
    withBoth(async (gpu, reference) => {
      const shape = { nodes: 3, batch: 4 }, { z, t } = noisy(shape), steps = Float32Array.of(1, 8, 12, 128);
      for (const told of [16, steps]) {
        const error = relativeError(
          await gpu.predict(z, shape, at(t, told)),
          await reference.predict(z, shape, at(t, told)),
        );
        assert.ok(error < 1e-5, `${error}`);
      }
      await assert.rejects(gpu.predict(z, shape, at(t)), /must be told the number of steps/);
    }, { levels: 8 }),
});

Deno.test({
  name: "the GPU engine agrees with TensorFlow.js to 1 % with products of 16-bit floats",
  ignore: !found.f16,
  fn: () =>
    withBoth(async (gpu, reference) => {
      const shape = { nodes: 9, batch: 5 }, { z, t } = noisy(shape);
      const error = relativeError(await gpu.predict(z, shape, at(t)), await reference.predict(z, shape, at(t)));
      assert.ok(error < 1e-2 && error > 1e-6, `${error}`);
    }, { precision: "f16" }),
});

Deno.test({
  name: "the GPU engine estimates a molecule the same to the last bit in any company and place",
  ignore,
  fn: () =>
    withBoth(async (gpu) => {
      const shape = { nodes: 3, batch: 45 }, length = latentLength(space, 3), { z } = noisy(shape);
      const times = Float64Array.from({ length: 45 }, (_, b) => 1 - b / 60);
      const together = await gpu.predict(z, shape, at(times));
      for (const b of [0, 7, 21, 22, 44]) {
        const own = z.subarray(b * length, (b + 1) * length), alone = { nodes: 3, batch: 1 };
        assert.deepEqual(await gpu.predict(own, alone, at(times[b])), together.slice(b * length, (b + 1) * length));
      }
    }),
});

Deno.test({
  name: "the GPU engine permutes its estimate where nodes are permuted",
  ignore,
  fn: () =>
    withBoth(async (gpu) => {
      const nodes = 9, shape = { nodes, batch: 1 }, { z, t } = noisy(shape), width = 21, pairs = nodes * width;
      const order = [3, 1, 4, 0, 5, 8, 2, 6, 7];
      const permuted = (latent: Float32Array) => {
        const out = new Float32Array(latent.length);
        order.forEach((from, to) => {
          out.set(latent.subarray(from * width, (from + 1) * width), to * width);
          order.forEach((other, j) => {
            const at = pairs + (from * nodes + other) * 4;
            out.set(latent.subarray(at, at + 4), pairs + (to * nodes + j) * 4);
          });
        });
        return out;
      };
      const error = relativeError(
        await gpu.predict(permuted(z), shape, at(t)),
        permuted(await gpu.predict(z, shape, at(t))),
      );
      assert.ok(error < 1e-5, `${error}`);
    }),
});

Deno.test({
  name: "the GPU engine makes no new buffers for batches no larger than those before",
  ignore,
  fn: () =>
    withBoth(async (gpu) => {
      const predict = async (nodes: number, batch: number) => {
        const shape = { nodes, batch }, { z, t } = noisy(shape);
        await gpu.predict(z, shape, at(t));
        return gpu.engine.memory;
      };
      const most = await predict(9, 20);
      for (const batch of [1, 7, 20, 3]) assert.equal(await predict(9, batch), most);
      assert.equal(await predict(3, 20), most);
      assert.ok(await predict(9, 41) > most);
    }),
});

Deno.test({
  name: "the GPU engine refuses what does not fit, and says what does",
  ignore,
  fn: () =>
    withBoth(async (gpu) => {
      await assert.rejects(gpu.predict(new Float32Array(7), { nodes: 3, batch: 1 }, at(0.5)), /got 7/);
      await assert.rejects(
        gpu.predict(noisy({ nodes: 3, batch: 2 }).z, { nodes: 3, batch: 2 }, at(Float32Array.of(1))),
        RangeError,
      );
      const options = { space, sizes: { width: 24, blocks: 1 }, schedule, software: true };
      await assert.rejects(createGpuDenoiser(options, parameters(sizes)), /multiple of 16; got 24/);
      await assert.rejects(
        createGpuDenoiser({ ...options, sizes: { width: 32, blocks: 3 } }, parameters(sizes)),
        /blocks.2.*; got none/,
      );
      gpu.dispose();
      const shape = { nodes: 3, batch: 1 };
      await assert.rejects(gpu.predict(noisy(shape).z, shape, at(0.5)), /disposed of/);
    }),
});
