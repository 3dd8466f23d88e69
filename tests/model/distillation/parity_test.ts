import assert from "node:assert/strict";
import { at } from "../../conditions.ts";
import { openBackend } from "../../../model/engines/tensorflow/open.ts";
import { combine, secondShare } from "../../../model/distillation/target.ts";
import { ddimStep } from "../../../model/diffusion/samplers/ddim.ts";
import { applyStep } from "../../../model/diffusion/samplers/step.ts";
import {
  expectedTensors,
  hasReference,
  largest,
  molecule,
  openTiny,
  SIZES,
} from "../networks/geoldm/geoldm_reference.ts";

/** Steps of the reference's teacher; its student makes half as many. */
const T = 8, TOLERANCE = 1e-4;

const noNoise = () => new Float32Array(0);

Deno.test({
  name: "combine() and the teacher's two DDIM steps agree with the authors' code on a tiny GeoLDM",
  ignore: !hasReference,
  async fn() {
    const { tf } = await openBackend("cpu"), expected = expectedTensors(), { schedule, denoiser } = await openTiny(tf);
    const near = (found: Float32Array, name: string, m: number) => {
      const tensor = expected.get(name)!, want = molecule(tensor, m), scale = largest(tensor);
      const worst = want.reduce((most, value, i) => Math.max(most, Math.abs(found[i] - value)), 0);
      if (Deno.env.get("MOLSTEP_TEST_PRINT")) console.log(`${name} of ${SIZES[m]} atoms: ${worst / scale}`);
      assert.equal(found.length, want.length);
      assert.ok(
        worst <= TOLERANCE * scale,
        `${name} of ${SIZES[m]} atoms: off by ${worst / scale} of the largest value`,
      );
    };
    for (const [m, nodes] of SIZES.entries()) {
      const time = expected.get("pd_t")!.data[m], shape = { batch: 1, nodes };
      const [t, u, v] = [0, 1, 2].map((k) => schedule(time - k / T));
      const z = molecule(expected.get("pd_zt")!, m);
      const first = (await denoiser.predict(z, shape, at(time))).slice();
      applyStep(ddimStep(t, u), z, first, noNoise);
      near(z, "pd_zu", m);
      const second = (await denoiser.predict(z, shape, at(time - 1 / T))).slice();
      applyStep(ddimStep(u, v), z, second, noNoise);
      near(z, "pd_zv", m);
      const target = combine(first, second, [secondShare("ddim", t, u, v)]);
      near(target, "pd_target", m);
      // And the student's one step by this target ends where the teacher's two do.
      const once = molecule(expected.get("pd_zt")!, m);
      applyStep(ddimStep(t, v), once, target, noNoise);
      near(once, "pd_zv", m);
    }
  },
});
