import assert from "node:assert/strict";
import { createNativeDenoiser } from "../../../../model/engines/c/native_denoiser.ts";
import { createWasmDenoiser } from "../../../../model/engines/c/wasm_denoiser.ts";
import { realigner } from "../../../../model/diffusion/coupling/align.ts";
import { clampToValence } from "../../../../model/networks/heavy_atom/clamp.ts";
import { bondSumsOf, heavyAtomSpace, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { initialValues } from "../../../../model/networks/pair_attention/initialise.ts";
import { pairAttentionParameters } from "../../../../model/networks/pair_attention/parameters.ts";
import { PURPOSE, random } from "../../../../model/diffusion/random.ts";
import {
  firstLatents,
  planSampling,
  runPlan,
  type SamplerName,
  startOf,
} from "../../../../model/diffusion/samplers/mod.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";

import type { Denoiser, Sampling } from "../../../../model/diffusion/denoiser.ts";
import { OWN_ENGINES } from "../../networks/pair_attention/own_engines.ts";

const space = heavyAtomSpace(QM9_CLASSES), schedule = cosineSchedule(), sizes = { width: 32, blocks: 2, levels: 4 };

const open = async (make: typeof createWasmDenoiser | typeof createNativeDenoiser): Promise<Denoiser> => {
  const specs = pairAttentionParameters(space, sizes), values = initialValues(specs, 1);
  for (const { data } of values.values()) data.forEach((_, k) => data[k] += 0.05 * Math.sin(k));
  return await make({ space, sizes, schedule, workers: 2 }, values);
};

const sampling = (sampler: SamplerName, batch: number, nodes: number, steps: number, below = 0): Sampling => ({
  shape: { batch, nodes },
  plan: planSampling(sampler, schedule, Float64Array.from({ length: steps + 1 }, (_, i) => 1 - i / steps)),
  seed: 3,
  indices: Array.from({ length: batch }, (_, k) => 10 + k),
  condition: { steps },
  clamp: below > 0 ? { below, bondSums: bondSumsOf(QM9_CLASSES) } : undefined,
});

/** The same for a network trained on aligned noise, from a start matched to data of these moments. */
const coupled = (...asked: Parameters<typeof sampling>): Sampling => {
  const one = sampling(...asked), pair = (count: number) => Array(count).fill([0.1, 0.2]);
  const moments = { vectors: [0.7, 0.5, 0.4], scalars: pair(12), pairs: pair(4) };
  const start = startOf(moments, space, one.shape.nodes, one.plan[0], 1);
  return { ...one, coupling: "aligned", start };
};

/** The same, with the loop here. */
async function byHand(
  denoiser: Denoiser,
  { plan, shape, seed, indices, condition, clamp, start, coupling }: Sampling,
): Promise<Float32Array> {
  const streams = indices.map((index) => random(seed, index, PURPOSE.noise));
  const noise = () => drawNoise(space, shape, streams), aligned = realigner(coupling, space, shape);
  return runPlan(
    plan,
    async (z, t) => {
      const x0 = await denoiser.predict(z, shape, { ...condition, time: t });
      if (clamp && t <= clamp.below) clampToValence(x0, shape, clamp.bondSums);
      return x0;
    },
    await firstLatents(noise, start, aligned),
    noise,
    undefined,
    aligned,
  );
}

for (const [name, make, ignore] of OWN_ENGINES) {
  Deno.test({
    name: `sample() of the ${name} engine's workers gives what the loop outside them gives, to the last bit`,
    ignore,
    async fn() {
      const denoiser = await open(make);
      try {
        const all = [
          sampling("ddpm", 1, 9, 4),
          sampling("ddpm", 19, 9, 3, 0.7),
          sampling("dpm-solver++", 5, 4, 5),
          sampling("heun", 4, 4, 6, 0.7),
          sampling("consistency", 3, 1, 2),
          sampling("ddim", 2, 29, 2),
          coupled("consistency", 9, 9, 4, 0.7),
          coupled("ddpm", 3, 5, 3),
          coupled("dpm-solver++", 2, 9, 3),
          { ...coupled("consistency", 2, 2, 3), start: undefined },
        ];
        const found = await Promise.all(all.map((one) => denoiser.can.sample!(one)));
        for (const [k, one] of all.entries()) {
          const expected = await byHand(denoiser, one);
          if (!one.coupling) assert.deepEqual(found[k].x0, expected);
          // The engine aligns in double precision with sums in another order.
          else expected.forEach((value, i) => assert.ok(Math.abs(value - found[k].x0[i]) < 1e-5, `${k} ${i}`));
        }
        assert.ok(found[6].x0.some((value, i) => Math.abs(value - found[1].x0[i]) > 0.01), "alignment counts");
        assert.ok(found.every(({ ms, waitedMs }) => ms > 0 && waitedMs >= 0));
      } finally {
        denoiser.dispose();
      }
    },
  });

  Deno.test({
    name: `sample() of the ${name} engine's workers ends when its signal aborts, or the denoiser is disposed of`,
    ignore,
    async fn() {
      const denoiser = await open(make), cancel = new AbortController(), long = sampling("ddpm", 20, 9, 5000);
      const first = denoiser.can.sample!(long, { signal: cancel.signal }), second = denoiser.can.sample!(long);
      const ends = [assert.rejects(first, /enough/), assert.rejects(second, /closed/)];
      await denoiser.can.sample!(sampling("ddpm", 2, 9, 2));
      cancel.abort(new Error("enough"));
      await ends[0];
      denoiser.dispose();
      await ends[1];
      await assert.rejects(denoiser.can.sample!(long), /closed/);
    },
  });

  Deno.test({
    name: `sample() of the ${name} engine's workers refuses what the network cannot do, and goes on`,
    ignore,
    async fn() {
      const denoiser = await open(make);
      try {
        const untold = { ...sampling("ddpm", 3, 5, 2), condition: undefined };
        await assert.rejects(denoiser.can.sample!(untold), /number of steps/);
        await denoiser.can.sample!(sampling("ddpm", 3, 5, 2));
      } finally {
        denoiser.dispose();
      }
    },
  });
}
