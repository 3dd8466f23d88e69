import assert from "node:assert/strict";
import { makeGrid } from "../../../model/diffusion/grids.ts";
import { random } from "../../../model/diffusion/random.ts";
import { makeSchedule } from "../../../model/diffusion/schedules.ts";
import { planSampling } from "../../../model/diffusion/samplers/mod.ts";
import { sampleOnce } from "../../../model/distillation/matching_sampling.ts";

Deno.test("sampleOnce() goes on from clamped estimates below a time, and gives back the network's own", async () => {
  const schedule = makeSchedule({ type: "cosine", factor: 0.9995 }), space = { vectors: 0, scalars: 1, pairs: 0 };
  const plan = planSampling("ddim", schedule, makeGrid({ type: "uniform" }, 4, schedule)),
    shape = { batch: 1, nodes: 2 };
  const clamped: Float32Array[] = [];
  const autoencoder = {
    async clamp(x0: Float32Array) {
      clamped.push(x0.slice());
      await Promise.resolve();
      x0.fill(9);
    },
  };
  const once = (clamp?: number) =>
    sampleOnce(
      { shape, plan, steps: 4, clamp },
      { space, schedule, autoencoder },
      ({ z }) => Promise.resolve(z.map((value) => value / 2)),
      random(1),
    );
  const free = await once(),
    half = await once(0.5),
    calls = (x: Float32Array) => [0, 1, 2, 3].map((k) => x.slice(2 * k, 2 * k + 2));
  // Times are 1, 0.75, 0.5 and 0.25; the last estimate is the molecule, which is learned from as it is.
  assert.deepEqual(clamped, [calls(half.x)[2]]);
  assert.deepEqual(calls(half.x).slice(0, 3), calls(free.x).slice(0, 3));
  assert.deepEqual(half.x, half.asked.z.map((value) => value / 2));
  const { z, x0 } = plan[2], [, , before, after] = calls(half.asked.z);
  after.forEach((value, i) => assert.ok(Math.abs(value - (z * before[i] + 9 * x0)) < 1e-5, `${value}`));
});
