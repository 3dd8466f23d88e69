/** Estimates guided by a network's own weaker self: on every engine, in samplings, and in what requests say. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { heavyAtomSpace, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import { guide } from "../../../../model/networks/heavy_atom/guide.ts";
import { createAutoguided, guidedBy } from "../../../../model/networks/heavy_atom/autoguide.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import type { Denoiser, Sampling } from "../../../../model/diffusion/denoiser.ts";
import { PURPOSE, random } from "../../../../model/diffusion/random.ts";
import { planSampling, runPlan } from "../../../../model/diffusion/samplers/mod.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import { createNativeDenoiser } from "../../../../model/engines/c/native_denoiser.ts";
import { createWasmDenoiser } from "../../../../model/engines/c/wasm_denoiser.ts";
import { createGpuDenoiser } from "../../../../model/engines/webgpu/denoiser.ts";
import { createPairAttention } from "../../../../model/networks/pair_attention/denoiser.ts";
import { hasCompiler } from "../../engines/c/compiler.ts";
import { OWN_ENGINES } from "../pair_attention/own_engines.ts";
import { shaken } from "../../engines/shaken.ts";
import { found, relativeError, withGpu } from "../../engines/webgpu/network.ts";

const space = heavyAtomSpace(QM9_CLASSES), schedule = cosineSchedule();
const sizes = { width: 16, blocks: 3, weakWithout: 1 }, options = { space, sizes, schedule, workers: 2 };
const shape = { batch: 3, nodes: 5 }, times = [0.2, 0.5, 0.9];
const z = drawNoise(space, shape, times.map((_, b) => random(5, b)));

/** A network of two blocks: the first and the last of these three. */
function shorter() {
  const values = [...shaken(space, sizes)].filter(([name]) => !name.startsWith("blocks.1."));
  return new Map(values.map(([name, value]) => [name.replace("blocks.2.", "blocks.1."), value]));
}

/** What the network and its weaker self say on TensorFlow.js, the latter by a network that lacks the block. */
async function reference() {
  await tf.setBackend("cpu");
  const own = createPairAttention(tf, options, shaken(space, sizes));
  const weaker = createPairAttention(tf, { ...options, sizes: { ...sizes, blocks: 2 } }, shorter());
  const [x0, weak] = await Promise.all(
    [own, weaker].map((network) => network.predict(z, shape, times.map((time) => ({ time })))),
  );
  weaker.dispose();
  return { own, x0, weak };
}

Deno.test("the weaker self is the network without its block, on every engine; a network without one refuses", async () => {
  const { own, x0, weak } = await reference();
  const check = async (name: string, network: Denoiser) => {
    const said = await network.predict(z, shape, times.map((time) => ({ time, weak: true })));
    assert.ok(relativeError(said, weak) < 2e-5, `${name}: ${relativeError(said, weak)}`);
    assert.ok(relativeError(said, x0) > 1e-3, `${name} says what the whole network says`);
    await assert.rejects(network.predict(z, shape, times.map((time, b) => ({ time, ...b > 0 && { weak: true } }))), {
      message: "a call must be all of the weaker self, or nothing; got 2 of 3",
    });
    network.dispose();
  };
  await check("TensorFlow.js", own);
  await check("WebAssembly", await createWasmDenoiser(options, shaken(space, sizes)));
  if (hasCompiler) await check("native", await createNativeDenoiser(options, shaken(space, sizes)));
  if (found.gpu) {
    await withGpu(async (gpu) =>
      await check("WebGPU", await createGpuDenoiser({ ...options, gpu }, shaken(space, sizes)))
    );
  }
  const without = createPairAttention(tf, { ...options, sizes: { width: 16, blocks: 3 } }, shaken(space, sizes));
  await assert.rejects(without.predict(z, shape, { time: 0.5, weak: true }), { message: /^only a network whose card/ });
  without.dispose();
});

Deno.test("createAutoguided() takes each molecule as far as it asks, in a second call of those alone", async () => {
  const { own, x0, weak } = await reference(), calls: number[] = [];
  const counted: Denoiser = {
    ...own,
    predict(latents, { batch, nodes }, conditions) {
      calls.push(batch);
      return own.predict(latents, { batch, nodes }, conditions);
    },
  };
  const guided = createAutoguided(counted), scales = [1, 2.5, 0], length = x0.length / shape.batch;
  const said = await guided.predict(z, shape, times.map((time, b) => ({ time, autoguidance: scales[b] })));
  assert.deepEqual(calls, [3, 2]);
  const expected = x0.slice();
  scales.forEach((w, b) => {
    const part = (x: Float32Array) => x.subarray(b * length, (b + 1) * length);
    guide(part(expected), part(weak), w, space, { ...shape, batch: 1 });
  });
  assert.ok(relativeError(said, expected) < 1e-5);
  assert.ok(relativeError(said.subarray(length, 2 * length), x0.subarray(length, 2 * length)) > 1e-3);
  assert.deepEqual(await guided.predict(z, shape, { time: 0.5 }), await own.predict(z, shape, { time: 0.5 }));
  assert.deepEqual(calls, [3, 2, 3]);
  const all = await guidedBy(guided, 2.5).predict(z, shape, times.map((time) => ({ time })));
  assert.deepEqual(all.subarray(length, 2 * length), said.subarray(length, 2 * length));
  guided.dispose();
});

for (const [name, make, ignore] of OWN_ENGINES) {
  Deno.test({
    name:
      `sample() of the ${name} engine's workers guides by the weaker self as the loop outside them does, to the last bit`,
    ignore,
    async fn() {
      const denoiser = createAutoguided(await make(options, shaken(space, sizes)));
      const plan = planSampling("ddpm", schedule, Float64Array.from([1, 0.7, 0.3, 0]));
      const draw = async (autoguidance: number): Promise<Float32Array> => {
        const sampling: Sampling = { shape, plan, seed: 3, indices: [4, 5, 6], condition: { autoguidance } };
        // Beside another that is not guided, in whose calls it has a share.
        const [{ x0 }] = await Promise.all([
          denoiser.can.sample!(sampling),
          denoiser.can.sample!({ ...sampling, condition: {}, indices: [1, 2, 3] }),
        ]);
        const streams = [4, 5, 6].map((index) => random(3, index, PURPOSE.noise));
        const noise = () => drawNoise(space, shape, streams);
        const ask = (x: Float32Array, time: number) => denoiser.predict(x, shape, { time, autoguidance });
        assert.deepEqual(x0, await runPlan(plan, ask, noise(), noise));
        return x0;
      };
      try {
        assert.ok(relativeError(await draw(1.7), await draw(1)) > 1e-3);
      } finally {
        denoiser.dispose();
      }
    },
  });
}
