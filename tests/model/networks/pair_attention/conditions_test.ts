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
