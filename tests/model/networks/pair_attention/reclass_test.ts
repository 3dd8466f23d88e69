import assert from "node:assert/strict";
import { drawNoise } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import type { HeavyAtomClass } from "../../../../model/diffusion/types.ts";
import { createNativeDenoiser } from "../../../../model/engines/c/native_denoiser.ts";
import { heavyAtomSpace } from "../../../../model/networks/heavy_atom/space.ts";
import { initialise } from "../../../../model/networks/pair_attention/initialise.ts";
import { reclassed } from "../../../../model/networks/pair_attention/reclass.ts";
import { hasCompiler } from "../../engines/c/compiler.ts";

const OLD: HeavyAtomClass[] = [[6, 0], [6, 1], [7, 0], [8, 0], [9, 0]];
/** Sulfur begins as oxygen, chlorine as fluorine, a charged nitrogen as the one without charge. */
const NEW: HeavyAtomClass[] = [[8, 0], [16, 0], [6, 1], [7, 0, 1], [17, 0]], BEGINS = [3, 3, 1, 2, 4];
const sizes = { width: 32, blocks: 2 };

Deno.test({
  name: "reclassed() networks say of known classes what they said, and of others what of the nearest",
  ignore: !hasCompiler,
  async fn() {
    const [old, now] = [OLD, NEW].map((classes) => heavyAtomSpace(classes)), schedule = cosineSchedule();
    const values = initialise(old, sizes, 3), shape = { batch: 1, nodes: 5 }, pairs = 25 * 4;
    // The same molecule in both: node i of the class that class i of the new ones begins as.
    const noise = drawNoise(old, shape, [random(5, 0)]), width = [14, 14];
    const a = noise.slice(), b = noise.slice();
    for (let i = 0; i < 5; i++) {
      for (let k = 0; k < 5; k++) {
        a[i * width[0] + 9 + k] = k === BEGINS[i] ? 0.5 : 0;
        b[i * width[1] + 9 + k] = k === i ? 0.5 : 0;
      }
    }
    const said = async (space: typeof old, tensors: ReturnType<typeof initialise>, z: Float32Array) => {
      const denoiser = await createNativeDenoiser({ space, sizes, schedule, workers: 1 }, tensors);
      try {
        return await denoiser.predict(z, shape, { time: 0.4 });
      } finally {
        denoiser.dispose();
      }
    };
    const before = await said(old, values, a), after = await said(now, reclassed(values, OLD, NEW), b);
    for (let i = 0; i < 5; i++) {
      for (let k = 0; k < 9; k++) assert.equal(after[i * 14 + k], before[i * 14 + k], "vectors");
      // Softmax of the same logits, those of unknown classes less 2.
      const weight = BEGINS.map((place, k) => before[i * 14 + 9 + place] * ([1, 3, 4].includes(k) ? Math.exp(-2) : 1));
      const sum = weight.reduce((total, one) => total + one, 0);
      weight.forEach((one, k) => assert.ok(Math.abs(after[i * 14 + 9 + k] - 0.5 * one / sum) < 1e-5, `class ${k}`));
    }
    assert.deepEqual(after.subarray(70), before.subarray(70), `${pairs} numbers of pairs`);
  },
});

Deno.test("reclassed() refuses weights of another number of classes", () => {
  const values = initialise(heavyAtomSpace(OLD), sizes, 1);
  assert.throws(() => reclassed(values, NEW.slice(1), OLD), {
    name: "RangeError",
    message: "weights must be of the 4 classes of their card; got 5",
  });
});
