import assert from "node:assert/strict";
import { createJudge, drawBy, NODES } from "../../bench/drawn.ts";
import { createDistributions } from "../../chem/distributions.ts";
import type { Molecule } from "../../chem/molecule.ts";
import { makeGrid } from "../../model/diffusion/grids.ts";
import { random } from "../../model/diffusion/random.ts";
import { planSampling } from "../../model/diffusion/samplers/mod.ts";
import { cosineSchedule } from "../../model/diffusion/schedules.ts";
import { createHeavyAtomAutoencoder } from "../../model/networks/heavy_atom/autoencoder.ts";
import { QM9_CLASSES } from "../../model/networks/heavy_atom/space.ts";
import { ethanol } from "../model/training/molecules.ts";

/** Three molecules of ethanol, far apart: nine heavy atoms. */
const three: Molecule = {
  atomicNumbers: Uint8Array.from([0, 1, 2].flatMap(() => [...ethanol.atomicNumbers])),
  positions: Float32Array.from(
    [0, 1, 2].flatMap((k) => Array.from(ethanol.positions, (x, i) => x + (i % 3 === 0 ? 12 * k : 0))),
  ),
};

Deno.test("createJudge() judges what drawBy() draws: stability, composition, and angles against a reference", async () => {
  const codec = createHeavyAtomAutoencoder(), x0 = await codec.encode([three], [random(1)]), length = x0.length;
  const [decoded] = await codec.decode(x0, { batch: 1, nodes: NODES }, [random(1)]), asked: number[] = [];
  const denoiser = {
    space: codec.space,
    predict(z: Float32Array) {
      asked.push(z.length / length);
      return Promise.resolve(z.map((_, k) => x0[k % length]));
    },
  };
  const schedule = cosineSchedule(), plan = planSampling("ddim", schedule, makeGrid({ type: "uniform" }, 2, schedule));
  const draw = drawBy({ denoiser, plan, seed: 1, coupling: "aligned" }), judged = await createJudge(3, 1);
  const own = createDistributions(), other = createDistributions();
  own.add(decoded);
  other.add({ ...decoded, positions: decoded.positions.map((x, k) => k % 3 === 2 ? 0.8 * x : x) }, decoded.bonds);
  const found = await judged(draw, { reference: own.distributions() });
  assert.deepEqual(asked, [3, 3], "two steps of all three molecules");
  assert.deepEqual(found, {
    "moleculeStability %": 100,
    "validUnique %": 100 * (1 / 3),
    "aromatic %": 0,
    "alcohol %": 100,
    "angles, degrees": 0,
  });
  const far = await judged(draw, { reference: other.distributions() });
  assert.ok(Number(far["angles, degrees"]) > 1);
  assert.ok(!("angles, degrees" in await judged(draw)));
  // One carbon seems to have a hydrogen too few: its bonds do not add up, and valence gives it back.
  const class_ = (element: number, hydrogens: number) =>
    9 + QM9_CLASSES.findIndex(([e, h]) => e === element && h === hydrogens);
  x0[class_(6, 3)] = 0.2, x0[class_(6, 2)] = 0.3;
  const repaired = await judged(draw, { repaired: true });
  assert.deepEqual(
    ["moleculeStability %", "valence: moleculeStability %", "valence: aromatic %"].map((name) => repaired[name]),
    [0, 100, 0],
  );
});
