/** The subjects of benchmarks on a GPU: here, as TensorFlow must be loaded before a software adapter is, by tests that come earlier. */
import assert from "node:assert/strict";
import { relativeDifference } from "../../../../bench/statistics.ts";
import { openSubject } from "../../../../bench/subject.ts";
import { found } from "./network.ts";

const tiny = { type: "pair-attention", nodes: 3, width: 16, blocks: 1 } as const;

Deno.test({
  name: "openSubject() gives equal samples by the engine on a GPU, and nearly so of 16-bit floats",
  ignore: !found.f16,
  async fn() {
    for (const type of ["pair-attention", "egnn"] as const) {
      const samples: number[][] = [];
      for (const place of ["wasm engine", "webgpu engine", "webgpu f16 engine"] as const) {
        const subject = await openSubject({ ...tiny, type, place, software: true });
        try {
          samples.push(await subject.prepare(2)());
        } finally {
          subject.close();
        }
      }
      const [reference, single, half] = samples, coarse = relativeDifference(half, reference);
      assert.ok(relativeDifference(single, reference) < 1e-4);
      assert.ok(coarse > 1e-6 && coarse < 0.02, `${type}: ${coarse}`);
    }
  },
});
