import assert from "node:assert/strict";
import { createEngine } from "../../../../model/engines/webgpu/engine.ts";
import { createArray } from "../../../../model/engines/webgpu/memory.ts";
import { found, space, withGpu } from "./network.ts";

Deno.test({
  name: "prepare() says that memory does not suffice, and makes room for less afterwards",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async (gpu) => {
      const engine = createEngine(gpu, {
        space,
        conditionWidth: 4,
        conditions: () => new Float32Array(),
        mostRows: 100,
        createArrays: (rows) => ({
          all: createArray(gpu, "all", rows > 10 ? gpu.device.limits.maxBufferSize / 4 + 64 : rows),
        }),
        compile: () => Promise.resolve(() => () => {}),
        dispose() {},
      });
      const prepare = (batch: number) =>
        engine.inTurn((lane) => engine.prepare({ shape: { batch, nodes: 2 }, conditions: 1, calls: 1 }, lane));
      await prepare(5);
      await assert.rejects(prepare(6), /the GPU has no memory for this/);
      await prepare(4);
      await gpu.guard(gpu.device.queue.onSubmittedWorkDone());
      await engine.dispose();
    }),
});
