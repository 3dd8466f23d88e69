import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import { createSharedGpu, findAdapter, openGpu } from "../../../../model/engines/webgpu/device.ts";
import { createKernel } from "../../../../model/engines/webgpu/kernel.ts";
import { createArray, createReadback, readFloats } from "../../../../model/engines/webgpu/memory.ts";
import { placePairAttention } from "../../../../model/models/pair_attention_place.ts";
import type { Denoiser } from "../../../../model/diffusion/denoiser.ts";
import { found, noisy, parameters, relativeError, schedule, space, withGpu } from "./network.ts";

const ignore = !found.gpu, software = found.gpu && (await findAdapter()).software;

Deno.test({
  name: "openGpu() refuses an adapter in software unless it will do",
  ignore: !software,
  async fn() {
    await assert.rejects(openGpu(), /only a software adapter/);
    const gpu = await openGpu({ software: true });
    assert.ok(gpu.software && gpu.label.length > 0);
    gpu.close();
    await assert.rejects(gpu.guard(new Promise(() => {})), /is closed/);
  },
});

Deno.test({
  name: "guard() rejects where the GPU refuses a command",
  ignore,
  fn: () =>
    withGpu(async (gpu) => {
      const buffer = createReadback(gpu, "of no use", 4);
      gpu.device.queue.writeBuffer(createArray(gpu, "small", 1), 4096, new Float32Array(4));
      await assert.rejects(gpu.guard(new Promise<void>((_, reject) => setTimeout(reject, 1000))), /refused a command/);
      buffer.destroy();
    }),
});

Deno.test({
  name: "createKernel() says where its text is wrong, and compiles a text once",
  ignore,
  fn: () =>
    withGpu(async (gpu) => {
      const bindings = { out: { access: "write", type: "array<f32>" } } as const;
      const broken = createKernel(gpu, { label: "broken", bindings, code: "fn main() { let x: u32 = 1.5; }" });
      await assert.rejects(broken, /the kernel "broken" does not compile: [^]*u32/);
      const text = {
        label: "fill",
        bindings,
        code: "@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) k: u32) { out[k] = f32(k); }",
      };
      const kernel = await createKernel(gpu, text);
      assert.equal(await createKernel(gpu, { ...text }), kernel);
      assert.throws(
        () => kernel.bind({} as { out: GPUBuffer }),
        /the kernel "fill" needs a buffer for out; none given/,
      );
      const out = createArray(gpu, "out", 4), read = createReadback(gpu, "read", 4);
      const encoder = gpu.device.createCommandEncoder(), pass = encoder.beginComputePass();
      kernel.run(pass, kernel.bind({ out }), [1]);
      pass.end();
      encoder.copyBufferToBuffer(out, 0, read, 0, 16);
      gpu.device.queue.submit([encoder.finish()]);
      assert.deepEqual([...await readFloats(gpu, read, 4)], [0, 1, 2, 3]);
      for (const buffer of [out, read]) buffer.destroy();
    }),
});

Deno.test({
  name: "createSharedGpu() opens once, closes with its last user, and opens anew",
  ignore,
  async fn() {
    const open = createSharedGpu({ software: true });
    const [first, second] = await Promise.all([open(), open()]);
    assert.equal(first.device, second.device);
    let lost = false;
    first.device.lost.then(() => lost = true);
    first.close();
    first.close();
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(lost, false);
    second.close();
    await first.device.lost;
    const third = await open();
    assert.notEqual(third.device, first.device);
    third.close();
  },
});

Deno.test({
  name: "placePairAttention() takes the GPU where it is asked for, and by itself only a real one",
  ignore,
  async fn() {
    const sizes = { width: 32, blocks: 1 }, tensors = parameters(sizes), shape = { nodes: 2, batch: 3 };
    const options = { threads: 1, openTensors: () => Promise.reject(new Error("no tensors here")) };
    const placed = (choice: "webgpu" | "auto" | "wasm") =>
      placePairAttention({ space, sizes, schedule }, tensors as never, { ...options, choice });
    const { part, backend } = await placed("webgpu"), auto = await placed("auto"), wasm = await placed("wasm");
    try {
      assert.equal(backend.name, "webgpu");
      assert.match(backend.why, /WGSL on .*asked for/);
      assert.equal(auto.backend.name === "webgpu", !software);
      if (software) assert.match(auto.backend.why, /not webgpu: (there is no GPU|only a software adapter)/);
      const { z } = noisy(shape), estimate = (one: Denoiser) => one.predict(z, shape, at(0.5));
      assert.ok(relativeError(await estimate(part), await estimate(wasm.part)) < 1e-5);
    } finally {
      for (const one of [part, auto.part, wasm.part]) one.dispose();
    }
  },
});
