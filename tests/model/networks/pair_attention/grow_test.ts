import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import { createNativeDenoiser } from "../../../../model/engines/c/native_denoiser.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { makeSchedule } from "../../../../model/diffusion/schedules.ts";
import { readCard } from "../../../../model/models/card.ts";
import { readWeights } from "../../../../model/models/weights.ts";
import { grow } from "../../../../model/networks/pair_attention/grow.ts";
import {
  pairAttentionParameters,
  type PairAttentionSizes,
  sizesOf,
} from "../../../../model/networks/pair_attention/parameters.ts";
import { hasCompiler } from "../../engines/c/compiler.ts";

const folder = new URL("../../../../weights/qm9/", import.meta.url).pathname, card = await readCard(folder);
const { denoiser: part, space } = card;
if (part.type !== "pair-attention") throw new TypeError("the shipped network must be a pair-attention denoiser");
const given = await readWeights(folder + part.file), sizes = sizesOf(part);
const grown = (to: PairAttentionSizes) => grow(pairAttentionParameters(space, to), given, 1);

Deno.test({
  name: "grow() leaves what the shipped network says as it is, to the last bit",
  ignore: !hasCompiler,
  async fn() {
    const schedule = makeSchedule(card.schedule), shape = { batch: 5, nodes: 9 };
    const z = drawNoise(space, shape, Array.from({ length: 5 }, (_, b) => random(7, b)));
    const said = async (sizes: PairAttentionSizes) => {
      const denoiser = await createNativeDenoiser({ space, sizes, schedule, workers: 1 }, grown(sizes));
      try {
        return await denoiser.predict(z, shape, at(Float32Array.of(0.1, 0.3, 0.5, 0.7, 0.9)));
      } finally {
        denoiser.dispose();
      }
    };
    const before = await said(sizes);
    for (const more of [{ estimates: true }, { blocks: sizes.blocks + 1 }]) {
      assert.deepEqual(await said({ ...sizes, ...more }), before, JSON.stringify(more));
    }
    assert.deepEqual(await said({ ...sizes, blocks: sizes.blocks + 1, estimates: true }), before);
  },
});

Deno.test({
  name: "grow() makes aromatic bonds of pairs the mean of single and double ones, as they are told and said",
  ignore: !hasCompiler,
  async fn() {
    const wide = { ...space, pairs: 5 }, schedule = makeSchedule(card.schedule), shape = { batch: 3, nodes: 9 };
    const values = grow(pairAttentionParameters(wide, sizes), given, 1), nodes = 9 * 21;
    for (const { name, shape } of pairAttentionParameters(wide, sizes)) {
      assert.deepEqual(values.get(name)!.shape, shape, name);
    }
    // What was half single and half double, and is aromatic now, is told as before; so is what is none of the three.
    const old = drawNoise(space, shape, [0, 1, 2].map((b) => random(7, b))), z = new Float32Array(3 * (nodes + 81 * 5));
    for (let b = 0; b < 3; b++) {
      const from = b * (nodes + 81 * 4), to = b * (nodes + 81 * 5);
      z.set(old.subarray(from, from + nodes), to);
      for (let pair = 0; pair < 81; pair++) {
        const place = from + nodes + 4 * pair, [none, one, , three] = old.subarray(place, place + 4);
        old[place + 2] = one;
        z.set([none, 0, 0, three, 2 * one], to + nodes + 5 * pair);
      }
    }
    const said = async (of: typeof space, values: ReturnType<typeof grown>, z: Float32Array) => {
      const denoiser = await createNativeDenoiser({ space: of, sizes, schedule, workers: 1 }, values);
      try {
        return await denoiser.predict(z, shape, { time: 0.4 });
      } finally {
        denoiser.dispose();
      }
    };
    const [before, after] = [await said(space, grown(sizes), old), await said(wide, values, z)];
    for (let b = 0; b < 3; b++) {
      const from = b * (nodes + 81 * 4), to = b * (nodes + 81 * 5);
      for (let k = 0; k < nodes; k++) assert.ok(Math.abs(before[from + k] - after[to + k]) < 1e-3);
      for (let pair = 0; pair < 81; pair++) {
        if (pair % 10 === 0) continue;
        const was = before.subarray(from + nodes + 4 * pair).subarray(0, 4);
        const is = after.subarray(to + nodes + 5 * pair).subarray(0, 5);
        // The fifth takes of all its share; among the four nothing changes.
        const rest = 0.5 / (0.5 - is[4]);
        was.forEach((value, k) => assert.ok(Math.abs(value - is[k] * rest) < 1e-3, `${value} and ${is[k] * rest}`));
        assert.ok(Math.abs(is[4] - Math.sqrt(is[1] * is[2])) < 1e-3);
      }
    }
  },
});

Deno.test("grow() fills in zeros for what estimates add, and nothing else that a block lacks", () => {
  const specs = pairAttentionParameters(space, { ...sizes, estimates: true });
  const added = specs.filter(({ added }) => added).map(({ name }) => name);
  assert.equal(added.length, sizes.blocks + 1);
  const values = grown({ ...sizes, estimates: true });
  for (const name of added) assert.ok(values.get(name)!.data.every((value) => value === 0), name);
  const short = new Map(given);
  short.delete("blocks.0.out.weight");
  assert.ok(!grow(specs, short, 1).has("blocks.0.out.weight"));
});
