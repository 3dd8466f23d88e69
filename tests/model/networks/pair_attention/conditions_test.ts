import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { moleculeNoise } from "../../../../model/diffusion/noise.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import { planSampling } from "../../../../model/diffusion/samplers/mod.ts";
import { heavyAtomSpace } from "../../../../model/networks/heavy_atom/space.ts";
import { conditionFeatures, frequencies } from "../../../../model/networks/pair_attention/conditions.ts";
import { createPairAttention } from "../../../../model/networks/pair_attention/denoiser.ts";
import { difference, OWN_ENGINES } from "./own_engines.ts";
import { shaken } from "../../engines/shaken.ts";

Deno.test("frequencies() are 1.5 2^k where no other highest one is asked for, and even in their logarithm else", () => {
  const doubling = Float64Array.from({ length: 8 }, (_, k) => 1.5 * 2 ** k);
  assert.deepEqual(frequencies(), doubling);
  assert.deepEqual(frequencies(192), doubling);
  const low = frequencies(12);
  assert.equal(low[0], 1.5);
  assert.ok(Math.abs(low[7] - 12) < 1e-12);
  for (let k = 1; k < 8; k++) assert.ok(Math.abs(low[k] / low[k - 1] - 8 ** (1 / 7)) < 1e-12);
});

Deno.test("conditionFeatures() are sines and cosines of the time at a network's frequencies", () => {
  const row = conditionFeatures([{ time: 0.5 }], { frequency: 48 }), w = frequencies(48);
  for (let k = 0; k < 8; k++) {
    assert.equal(row[k], Math.fround(Math.sin(0.5 * w[k])));
    assert.equal(row[8 + k], Math.fround(Math.cos(0.5 * w[k])));
  }
  assert.deepEqual(conditionFeatures([{ time: 0.3 }]), conditionFeatures([{ time: 0.3 }], { frequency: 192 }));
});

const space = heavyAtomSpace(), schedule = cosineSchedule(), shape = { batch: 3, nodes: 5 };
const sizes = { width: 32, blocks: 1 }, capped = { ...sizes, frequency: 12 }, values = shaken(space, sizes);

for (const [name, make, ignore] of OWN_ENGINES) {
  Deno.test({
    name: `a network's highest frequency counts in ${name} as on TensorFlow.js, in estimates and in samplings`,
    ignore,
    async fn() {
      await tf.setBackend("cpu");
      const z = drawNoise(space, shape, [0, 1, 2].map((b) => random(4, b))),
        options = { space, sizes: capped, schedule };
      const reference = createPairAttention(tf, options, values);
      const [own, other] = [
        await make({ ...options, workers: 1 }, values),
        await make({ space, sizes, schedule, workers: 1 }, values),
      ];
      try {
        const [want, got, plain] = [reference, own, other].map((one) => one.predict(z, shape, { time: 0.4 }));
        assert.ok(difference(await got, await want) < 1e-4, `${difference(await got, await want)}`);
        assert.ok(difference(await plain, await want) > 1e-3, "the other frequencies say something else");
        const plan = planSampling("ddim", schedule, Float64Array.of(0.4, 0)),
          sampling = { shape, plan, seed: 1, indices: [0, 1, 2] };
        const { x0 } = await own.can.sample!(sampling);
        const drawn = moleculeNoise(space, 5, 1, sampling.indices)();
        assert.ok(difference(x0, await own.predict(drawn, shape, { time: 0.4 })) < 1e-6);
        assert.notDeepEqual(x0, (await other.can.sample!(sampling)).x0);
      } finally {
        for (const one of [reference, own, other]) one.dispose();
      }
    },
  });
}

Deno.test("conditionFeatures() have a feature of a given graph behind the time, before properties", () => {
  const conditions = [{ name: "gap", mean: 7, deviation: 2 }] as const, told = { graph: true, conditions } as const;
  const row = (condition: object) => [...conditionFeatures([{ time: 0.2, ...condition }], told).subarray(16)];
  assert.deepEqual(row({}), [0, 0, 0]);
  assert.deepEqual(row({ graph: true, properties: { gap: 10 } }), [1, 1.5, 1]);
  assert.throws(() => conditionFeatures([{ time: 0.2, graph: true }]), {
    name: "RangeError",
    message: "graphs can be given only to a network that is told so (`graph` of the card's denoiser)",
  });
});

for (const [name, make, ignore] of OWN_ENGINES) {
  Deno.test({
    name: `that the graph is given counts in ${name} as on TensorFlow.js`,
    ignore,
    async fn() {
      await tf.setBackend("cpu");
      const options = { space, sizes: { ...sizes, graph: true as const }, schedule },
        tensors = shaken(space, options.sizes);
      const z = drawNoise(space, shape, [0, 1, 2].map((b) => random(4, b)));
      const reference = createPairAttention(tf, options, tensors),
        own = await make({ ...options, workers: 1 }, tensors);
      try {
        const asked = [{ time: 0.4 }, { time: 0.4, graph: true as const }, { time: 0.1, graph: true as const }];
        const [want, got] = [await reference.predict(z, shape, asked), await own.predict(z, shape, asked)];
        assert.ok(difference(got, want) < 1e-4, `${difference(got, want)}`);
        const untold = await own.predict(z, shape, asked.map(({ time }) => ({ time })));
        assert.ok(difference(untold, got) > 1e-3);
      } finally {
        reference.dispose(), own.dispose();
      }
    },
  });
}
