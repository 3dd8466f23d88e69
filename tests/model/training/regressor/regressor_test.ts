/** A regressor of properties. */
import assert from "node:assert/strict";
import { PROPERTY_NAMES } from "../../../../chem/properties.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { createNativeLearner } from "../../../../model/engines/c/native_learner.ts";
import { packExamples, toExample } from "../../../../model/networks/heavy_atom/examples.ts";
import { QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import {
  cleanGroup,
  drawLabelled,
  labelledGroups,
  REGRESSOR_SPACE as space,
} from "../../../../model/training/regressor/batches.ts";
import { composition, fitLabels, toLabels, toValues } from "../../../../model/training/regressor/labels.ts";
import { createRegressorLearner } from "../../../../model/training/regressor/learner.ts";
import { readProperties } from "../../../../model/training/regressor/readout.ts";
import { orthogonal, turnLatents } from "../../../properties.ts";
import { hasCompiler } from "../../engines/c/compiler.ts";
import { cyanoacetylene, ethanol } from "../molecules.ts";

const examples = [ethanol, cyanoacetylene].map((molecule) => toExample(molecule, QM9_CLASSES));
const count = PROPERTY_NAMES.length;

/** An estimate that a network might give: softmaxes of normal draws. */
function estimate(z: Float32Array, nodes: number): Float32Array {
  const draw = random(3, nodes), width = 9 + space.scalars, x0 = z.map(() => draw.normal());
  for (let i = 0; i < nodes; i++) {
    const row = x0.subarray(i * width + 9, (i + 1) * width), sum = row.reduce((all, value) => all + Math.exp(value), 0);
    row.forEach((value, k) => row[k] = Math.exp(value) / sum / 2);
  }
  return x0;
}

Deno.test("readProperties() gives the gradient of what it reads, through the softmaxes", () => {
  const group = cleanGroup([examples[0]]),
    { nodes } = group.shape,
    x0 = estimate(group.z, nodes),
    width = 9 + space.scalars;
  const weights = Float32Array.from({ length: count }, (_, p) => 0.3 + 0.2 * p);
  const loss = (x: Float32Array) =>
    readProperties(x, group, space).values.reduce((sum, value, p) => sum + weights[p] * value, 0);
  const gradient = readProperties(x0, group, space).gradient(weights), step = 1e-2;
  /** dL along a change of a node's logits or vectors, and what the gradient says of it. */
  const compare = (i: number, k: number) => {
    const moved = (by: number) => {
      const x = x0.slice(), row = x.subarray(i * width + 9, (i + 1) * width);
      if (k < 9) x[i * width + k] += by;
      else {
        row[k - 9] *= Math.exp(by);
        const sum = 2 * row.reduce((all, value) => all + value, 0);
        row.forEach((value, c) => row[c] = value / sum);
      }
      return x;
    };
    const numeric = (loss(moved(step)) - loss(moved(-step))) / (2 * step);
    const along = moved(1e-3), back = moved(-1e-3);
    const said = gradient.reduce((sum, g, at) => sum + g * (along[at] - back[at]) / 2e-3, 0);
    assert.ok(Math.abs(numeric - said) < 2e-3 * Math.max(1, Math.abs(numeric)), `node ${i}, ${k}: ${numeric}, ${said}`);
  };
  for (let i = 0; i < nodes; i++) for (let k = 0; k < width; k++) compare(i, k);
});

Deno.test("fitLabels() takes a sum over classes out of properties to the last digit, but of mu, which is no sum", () => {
  const draw = random(1, 0), classes = 5;
  const compositions = Array.from({ length: 60 }, () => Float64Array.from({ length: classes }, () => draw.integer(4)));
  const of = Array.from({ length: count }, () => Array.from({ length: classes }, () => draw.normal()));
  const values = compositions.map((counts) => of.map((each) => each.reduce((sum, one, k) => sum + one * counts[k], 0)));
  const labelling = fitLabels(compositions, values), mu = PROPERTY_NAMES.indexOf("mu");
  labelling.atoms.forEach((each, p) => {
    if (p === mu) assert.deepEqual(each, Array(classes).fill(0));
    else each.forEach((one, k) => assert.ok(Math.abs(one - of[p][k]) < 1e-3));
  });
  const labels = toLabels(labelling, compositions[7], values[7]);
  toValues(labelling, compositions[7], labels).forEach((value, p) => assert.ok(Math.abs(value - values[7][p]) < 1e-9));
});

Deno.test({
  name: "a regressor learns what it is shown, and says the same of a molecule however it lies",
  ignore: !hasCompiler,
  async fn() {
    const set = { examples: packExamples(examples), values: [[40, 9, -7, 1, 1.7, 15], [35, 6, -9, -2, 3.7, 12]] };
    const labelling = { atoms: Array(count).fill(Array(QM9_CLASSES.length).fill(0)), scales: [10, 2, 2, 2, 1, 5] };
    const network = createNativeLearner({ space, sizes: { width: 16, blocks: 1 }, seed: 1, threads: 1 });
    const learner = createRegressorLearner(network, space), all = labelledGroups(set, [0, 1], labelling);
    try {
      const before = (await learner.loss(all, "params")).total;
      for (let update = 0; update < 300; update++) {
        const rate = 1 - update / 300, groups = drawLabelled(set, labelling, { batch: 8, seed: 1, update });
        await learner.update(groups, { muon: 0.02 * rate, adamw: 0.02 * rate, emaDecay: 0.9, clip: 10 });
      }
      const after = await learner.loss(all, "ema");
      assert.ok(after.total < 0.05 && after.total < before / 20, `${before} to ${after.total}`);
      for (const group of all) {
        const turned = { ...group, z: turnLatents(group.z, space, group.shape, orthogonal(4)) };
        const [one, other] = await Promise.all(
          [group, turned].map(async (g) => readProperties(await network.predict!(g, "params"), g, space).values),
        );
        one.forEach((value, p) => assert.ok(Math.abs(value - other[p]) < 1e-3, `${PROPERTY_NAMES[p % count]}`));
      }
    } finally {
      learner.dispose();
    }
    assert.equal(composition(examples[0], QM9_CLASSES.length).reduce((a, b) => a + b), 3);
  },
});
