/** Networks that are told how far to be guided. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import { heavyAtomSpace } from "../../../../model/networks/heavy_atom/space.ts";
import { conditionFeatures } from "../../../../model/networks/pair_attention/conditions.ts";
import { createPairAttention } from "../../../../model/networks/pair_attention/denoiser.ts";
import { LEVELS, levelsBeside, tellsApart, widened } from "../../../../model/networks/pair_attention/levels.ts";
import { scaleRange } from "../../../../model/networks/pair_attention/scale.ts";
import { difference, OWN_ENGINES, samplesAsTold } from "./own_engines.ts";
import { shaken } from "../../engines/shaken.ts";

const space = heavyAtomSpace(), schedule = cosineSchedule(), shape = { batch: 3, nodes: 5 };
const conditions = [{ name: "gap", mean: 7, deviation: 2 }, { name: "mu", mean: 2, deviation: 0.5 }] as const;
const plain = { width: 32, blocks: 1, conditions }, sizes = { ...plain, scale: true } as const;
const z = drawNoise(space, shape, [0, 1, 2].map((b) => random(4, b)));

Deno.test("conditionFeatures() are the guidance scale less 1 between properties and steps, values times the scale, and 0 where there is nothing to be guided to", () => {
  const row = (told: object, levels = 0) => [
    ...conditionFeatures([{ time: 0.2, ...told }], { conditions, scale: true, levels }).subarray(16),
  ];
  assert.deepEqual(row({ properties: { gap: 9 }, guidance: 3 }), [3, 1, 0, 0, 2]);
  assert.deepEqual(row({ properties: { gap: 9 } }), [1, 1, 0, 0, 0]);
  assert.deepEqual(row({ properties: { gap: 9 }, guidance: 0, steps: 2 }, 2), [0, 1, 0, 0, -1, 0, 1]);
  assert.deepEqual(row({ guidance: 3 }), [0, 0, 0, 0, 0]);
  assert.deepEqual([...conditionFeatures([{ time: 0.2, guidance: 3 }], { conditions }).subarray(16)], [0, 0, 0, 0]);
});

Deno.test("scaleRange has the estimate that is not guided within it", () => {
  assert.deepEqual(scaleRange.parse({ first: 0, last: 4 }), { first: 0, last: 4 });
  for (
    const wrong of [{ first: 1.5, last: 4 }, { first: 0, last: 0.5 }, { first: 1, last: 1 }, { first: 0, last: 11 }]
  ) {
    assert.equal(scaleRange.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});

Deno.test("levelsBeside() is what 16 features leave beside properties and scale, and tellsApart() which numbers of steps that many tell", () => {
  const six = (["alpha", "gap", "homo", "lumo", "mu", "cv"] as const).map((name) => ({ name, mean: 0, deviation: 1 }));
  assert.deepEqual([levelsBeside({}), levelsBeside({ conditions })], [LEVELS, LEVELS]);
  assert.deepEqual([levelsBeside({ conditions: six }), levelsBeside({ conditions: six, scale: true })], [4, 3]);
  assert.ok(tellsApart([4, 2, 1], 3) && tellsApart([16], 0) && tellsApart([8, 8], 3));
  assert.ok(!tellsApart([8, 4], 3) && !tellsApart([2, 1], 0));
});

Deno.test("widened() for the scale gives a network that says at w = 1 what it said without, to the last bit, and at others what it said of values as much farther off", async () => {
  await tf.setBackend("cpu");
  const values = shaken(space, plain), before = createPairAttention(tf, { space, sizes: plain, schedule }, values);
  const after = createPairAttention(tf, { space, sizes, schedule }, widened(values, 1)), properties = { gap: 9 };
  for (const guidance of [0, 1, 4]) {
    const want = await before.predict(z, shape, {
      time: 0.4,
      properties: { gap: 7 + guidance * (properties.gap - 7) },
    });
    assert.deepEqual(await after.predict(z, shape, { time: 0.4, properties, guidance }), want);
  }
  const untold = await before.predict(z, shape, { time: 0.4 });
  assert.deepEqual(await after.predict(z, shape, { time: 0.4, guidance: 4 }), untold);
  before.dispose(), after.dispose();
});

for (const [name, make, ignore] of OWN_ENGINES) {
  Deno.test({
    name: `the scale counts in ${name} as on TensorFlow.js, in estimates and in whole samplings, in company too`,
    ignore,
    async fn() {
      await tf.setBackend("cpu");
      const values = shaken(space, sizes), told = { properties: { gap: 11, mu: 1 }, guidance: 1.8 };
      const reference = createPairAttention(tf, { space, sizes, schedule }, values);
      const own = await make({ space, sizes, schedule, workers: 1 }, values);
      try {
        const mixed = [{ time: 0.4, ...told }, { time: 0.7 }, { time: 0.2, properties: { mu: 3 }, guidance: 0 }];
        const [want, got] = [await reference.predict(z, shape, mixed), await own.predict(z, shape, mixed)];
        assert.ok(difference(got, want) < 1e-4);
        const other = await own.predict(z, shape, mixed.map((one) => ({ ...one, guidance: 1 })));
        assert.ok(difference(got, other) > 1e-3);
        await samplesAsTold(own, told);
      } finally {
        reference.dispose(), own.dispose();
      }
    },
  });
}
