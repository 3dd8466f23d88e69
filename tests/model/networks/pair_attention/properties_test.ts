/** Networks that are told properties. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { Denoiser } from "../../../../model/diffusion/denoiser.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import { createGuided } from "../../../../model/networks/heavy_atom/guide.ts";
import { heavyAtomSpace } from "../../../../model/networks/heavy_atom/space.ts";
import { conditionFeatures } from "../../../../model/networks/pair_attention/conditions.ts";
import { createPairAttention } from "../../../../model/networks/pair_attention/denoiser.ts";
import { widened } from "../../../../model/networks/pair_attention/levels.ts";
import { pairAttentionParameters } from "../../../../model/networks/pair_attention/parameters.ts";
import { widenedFor } from "../../../../model/networks/pair_attention/properties.ts";
import { difference, OWN_ENGINES, samplesAsTold } from "./own_engines.ts";
import { shaken } from "../../engines/shaken.ts";

const space = heavyAtomSpace(), schedule = cosineSchedule(), shape = { batch: 3, nodes: 5 };
const conditions = [{ name: "gap", mean: 7, deviation: 2 }, { name: "mu", mean: 2, deviation: 0.5 }] as const;
const plain = { width: 32, blocks: 1 }, sizes = { ...plain, conditions };
const z = drawNoise(space, shape, [0, 1, 2].map((b) => random(4, b)));

Deno.test("conditionFeatures() are standardised values and which are given, before those of the number of steps", () => {
  const row = (
    properties?: object,
    steps?: number,
    levels = 0,
  ) => [...conditionFeatures([{ time: 0.2, properties, steps }], { conditions, levels }).subarray(16)];
  assert.deepEqual(row(), [0, 0, 0, 0]);
  assert.deepEqual(row({ gap: 10 }), [1.5, 1, 0, 0]);
  assert.deepEqual(row({ gap: 7, mu: 1.5 }), [0, 1, -1, 1]);
  assert.deepEqual(row({ mu: 2 }, 2, 3), [0, 0, 0, 1, 0, 1, 0]);
  assert.throws(() => conditionFeatures([{ time: 0.2, properties: { gap: 7 } }]), RangeError);
});

Deno.test("widenedFor() gives a network that is told properties and says what it said without, to the last bit", async () => {
  await tf.setBackend("cpu");
  const values = shaken(space, plain),
    wide = new Map(
      [...widenedFor(values, space, sizes)].map(([name, { shape, data }]) => [name, { shape: [...shape], data }]),
    );
  const [before, after] = [
    createPairAttention(tf, { space, sizes: plain, schedule }, values),
    createPairAttention(tf, { space, sizes, schedule }, wide),
  ];
  const want = await before.predict(z, shape, { time: 0.4 });
  for (const properties of [undefined, { gap: 9 }, { gap: 3, mu: 1 }]) {
    assert.deepEqual(await after.predict(z, shape, { time: 0.4, properties }), want);
  }
  assert.equal(widenedFor(wide, space, sizes), wide, "one that has the rows stays as it is");
  const told = shaken(space, sizes), student = widened(told, 3).get("input.weight")!.shape;
  assert.deepEqual(student, pairAttentionParameters(space, { ...sizes, levels: 3 })[0].shape);
});

for (const [name, make, ignore] of OWN_ENGINES) {
  Deno.test({
    name: `properties and guidance count in ${name} as on TensorFlow.js, in estimates and in whole samplings`,
    ignore,
    async fn() {
      await tf.setBackend("cpu");
      const values = shaken(space, sizes), told = { properties: { gap: 11, mu: 1 }, guidance: 1.8 };
      const reference = createGuided(createPairAttention(tf, { space, sizes, schedule }, values));
      const own: Denoiser = createGuided(await make({ space, sizes, schedule, workers: 1 }, values));
      try {
        const mixed = [{ time: 0.4, ...told }, { time: 0.7 }, { time: 0.2, properties: { mu: 3 } }];
        const [want, got] = [await reference.predict(z, shape, mixed), await own.predict(z, shape, mixed)];
        assert.ok(difference(got, want) < 1e-4);
        assert.ok(difference(got, await own.predict(z, shape, mixed.map(({ time }) => ({ time })))) > 1e-3);
        await samplesAsTold(own, told);
      } finally {
        reference.dispose(), own.dispose();
      }
    },
  });
}
