/** The subject that trains on a GPU; see ../bench_test.ts. */
import assert from "node:assert/strict";
import { relativeDifference } from "../../../../../bench/statistics.ts";
import { openSubject } from "../../../../../bench/subject.ts";
import { findAdapter } from "../../../../../model/engines/webgpu/device.ts";
import { found } from "../network.ts";

const tiny = { type: "pair-attention", nodes: 3, width: 16, blocks: 1 } as const;

Deno.test({
  name: "openSubject() trains by the engine on a GPU as by TensorFlow.js, and in software only where asked",
  ignore: !found.gpu,
  async fn() {
    const losses: number[] = [];
    for (const place of ["tfjs cpu", "webgpu engine"] as const) {
      // The sizes of other tests, whose kernels drivers keep.
      const sizes = { nodes: 3, width: 32, blocks: 2 };
      const subject = await openSubject({ ...sizes, type: "training", place, software: true });
      try {
        losses.push(...await subject.prepare(2)());
      } finally {
        subject.close();
      }
    }
    assert.ok(relativeDifference(losses.slice(1), losses.slice(0, 1)) < 1e-4);
    if ((await findAdapter()).software) {
      await assert.rejects(
        openSubject({ ...tiny, type: "training", place: "webgpu engine" }),
        /only .* software adapter/,
      );
    }
  },
});
