/** Training of networks that are told properties. */
import assert from "node:assert/strict";
import { packExamples, toExample } from "../../../model/networks/heavy_atom/examples.ts";
import { ONE_HOT, QM9_CLASSES } from "../../../model/networks/heavy_atom/space.ts";
import { conditioned } from "../../../model/diffusion/condition.ts";
import { drawNoise, latentLength } from "../../../model/diffusion/latent.ts";
import { random } from "../../../model/diffusion/random.ts";
import { createNativeLearner } from "../../../model/engines/c/native_learner.ts";
import { makeGroups } from "../../../model/training/batches.ts";
import { conditionEntries, drawTold, NOTHING_TOLD, toldOf } from "../../../model/training/conditions.ts";
import { runSchedule, runSpace } from "../../../model/training/settings.ts";
import type { DataSet } from "../../../chem/data_set.ts";
import { type Qm9, QM9_PROPERTIES } from "../../../chem/qm9.ts";
import { hasCompiler } from "../engines/c/compiler.ts";
import { cyanoacetylene, ethanol } from "./molecules.ts";

const names = ["gap", "mu", "cv"] as const;

Deno.test("drawTold() tells nothing of 15 % of the molecules, and of the others each number of properties as often, each as often", () => {
  const told = { names, values: [[1, 2, 3]] }, stream = random(5, 0), n = 20_000, counts = [0, 0, 0, 0], of = [0, 0, 0];
  for (let k = 0; k < n; k++) {
    const properties = drawTold(told, 0, stream) ?? {};
    counts[Object.keys(properties).length]++;
    names.forEach((name, p) => {
      if (properties[name] === undefined) return;
      assert.equal(properties[name], p + 1);
      of[p]++;
    });
  }
  const near = (count: number, share: number) =>
    assert.ok(Math.abs(count / n - share) < 0.015, `${count / n}, ${share}`);
  near(counts[0], NOTHING_TOLD);
  for (const count of counts.slice(1)) near(count, (1 - NOTHING_TOLD) / 3);
  for (const count of of) near(count, (1 - NOTHING_TOLD) * 2 / 3);
});

Deno.test("conditionEntries() are mean, deviation and range of the rows that are learned from, in the units of requests", () => {
  const properties = new Float64Array(3 * QM9_PROPERTIES.length), at = QM9_PROPERTIES.indexOf("gap");
  [0.2, 0.4, 9].forEach((hartree, row) => properties[row * QM9_PROPERTIES.length + at] = hartree);
  const data = { name: "qm9", properties } as unknown as Qm9, rows = Int32Array.of(0, 1);
  const [entry] = conditionEntries(data, rows, ["gap"]);
  assert.deepEqual([entry.name, entry.unit, entry.mean, entry.deviation], ["gap", "eV", 8.16342, 2.72114]);
  assert.deepEqual(entry.range, [5.44228, 10.8846]);
  assert.deepEqual(toldOf(data, Int32Array.of(1), [entry]).values[0].map((value) => value.toFixed(4)), ["10.8846"]);
  assert.throws(
    () => conditionEntries({ name: "mine" } as DataSet, rows, ["gap"]),
    /conditions are of QM9, .*; got the data set mine/,
  );
});

Deno.test({
  name: "a network trained with conditions draws what it is told, and both kinds where it is told nothing",
  ignore: !hasCompiler,
  async fn() {
    // Ethanol, and the same with carbon in the place of oxygen: of pure noise only the condition tells which it is to be.
    const carbon = { ...ethanol, atomicNumbers: ethanol.atomicNumbers.map((Z) => Z === 8 ? 6 : Z) };
    const examples = packExamples([ethanol, carbon].map((molecule) => toExample(molecule, QM9_CLASSES)));
    const told = { names: ["gap"], values: [[5], [9]] } as const, schedule = runSchedule(), space = runSpace();
    const conditions = [{ name: "gap" as const, mean: 7, deviation: 2 }], sizes = { width: 16, blocks: 1, conditions };
    const learner = createNativeLearner({ space, sizes, seed: 3, threads: 1 });
    try {
      for (let update = 0; update < 400; update++) {
        const groups = makeGroups({ examples, batch: 32, seed: 3, update, schedule, told });
        await learner.update(groups, { muon: 0.02, adamw: 0.01, emaDecay: 0.9, clip: 10 });
      }
      const batch = 16,
        shape = { batch, nodes: 3 },
        z = drawNoise(space, shape, [...Array(batch).keys()].map((b) => random(8, b)));
      /** Oxygens a molecule that the network expects at t = 0.97. */
      const oxygens = async (gap?: number) => {
        const at = conditioned(Array(batch).fill({ time: 0.97, ...gap && { properties: { gap } } }), schedule);
        const x0 = await learner.predict!({ shape, z, ...at }, "params"),
          width = 9 + space.scalars,
          length = latentLength(space, 3);
        const oxygen = QM9_CLASSES.findIndex(([element, hydrogens]) => element === 8 && hydrogens === 1);
        let sum = 0;
        for (let b = 0; b < batch; b++) {
          for (let i = 0; i < 3; i++) sum += x0[b * length + i * width + 9 + oxygen] / ONE_HOT;
        }
        return sum / batch;
      };
      const [few, either, many] = [await oxygens(9), await oxygens(), await oxygens(5)];
      assert.ok(few < 0.15, `${few}`);
      assert.ok(many > 0.85, `${many}`);
      assert.ok(either > 0.3 && either < 0.7, `${either}`);
    } finally {
      learner.dispose();
    }
  },
});

Deno.test("makeGroups() draws the same molecules, times and noise whether or not a network is told of them", () => {
  const examples = packExamples([ethanol, cyanoacetylene].map((molecule) => toExample(molecule, QM9_CLASSES)));
  const how = { examples, batch: 8, seed: 2, update: 1, schedule: runSchedule() };
  const plain = makeGroups(how), told = makeGroups({ ...how, told: { names, values: [[1, 2, 3], [4, 5, 6]] } });
  told.forEach(({ z, conditions }, k) => {
    assert.deepEqual(z, plain[k].z);
    assert.deepEqual(conditions.map(({ time }) => time), plain[k].conditions.map(({ time }) => time));
  });
  const all = told.flatMap(({ shape: { nodes }, conditions }) =>
    conditions.map(({ properties }) => ({ nodes, properties }))
  );
  assert.ok(all.some(({ properties }) => properties));
  for (const { nodes, properties = {} } of all) {
    for (const [name, value] of Object.entries(properties)) {
      assert.equal(value, names.indexOf(name as "gap") + (nodes === 3 ? 1 : 4));
    }
  }
});
