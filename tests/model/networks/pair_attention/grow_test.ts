import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import { createNativeDenoiser } from "../../../../model/engines/c/native_denoiser.ts";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { readSafetensors } from "../../../../model/diffusion/safetensors.ts";
import { makeSchedule } from "../../../../model/diffusion/schedules.ts";
import { readCard } from "../../../../model/models/card.ts";
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
const given = readSafetensors(await Deno.readFile(folder + part.file)), sizes = sizesOf(part);
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
