import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import { writeRandomModel } from "../../../../bench/random_model.ts";
import { relativeDifference } from "../../../../bench/statistics.ts";
import { loadModel } from "../../../../model/models/load.ts";
import { withFolder } from "../../tiny_model.ts";
import { found, noisy } from "./network.ts";

Deno.test({
  name: "loadModel() takes products of 16-bit floats where it is asked to, and says so",
  ignore: !found.f16,
  fn: () =>
    withFolder(async (root) => {
      const { folder } = await writeRandomModel(root, { width: 32, blocks: 2 }), shape = { batch: 2, nodes: 5 };
      const estimates: number[][] = [];
      for (const precision of ["f32", "f16"] as const) {
        const model = await loadModel(folder, { backend: "webgpu", precision });
        try {
          assert.equal(/16-bit floats/.test(model.backend.why), precision === "f16");
          estimates.push([...await (await model.denoiser()).predict(noisy(shape).z, shape, at(0.5))]);
        } finally {
          model.dispose();
        }
      }
      const difference = relativeDifference(estimates[1], estimates[0]);
      assert.ok(difference > 1e-6 && difference < 0.02, `${difference}`);
    }),
});
