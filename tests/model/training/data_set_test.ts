/** A model is trained on another data set than QM9, written to a folder, and drawn from: an SDF file of drug-like molecules. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createRdkit } from "../../../chem/rdkit.ts";
import { openDataSet } from "../../../chem/data_sets.ts";
import { prepareInWorker } from "../../../chem/sets/prepare_in_worker.ts";
import { createValidator } from "../../../chem/validator.ts";
import { generateMolecules } from "../../../model/generation/pipeline.ts";
import { readCard } from "../../../model/models/card.ts";
import { loadModel } from "../../../model/models/load.ts";
import { chooseSettings } from "../../../model/models/settings.ts";
import { loadExamples } from "../../../model/training/data.ts";
import { exportModel } from "../../../model/training/export.ts";
import { runTraining } from "../../../model/training/run.ts";
import { DRUGLIKE_SDF } from "../../chem/druglike.ts";
import { withFolder } from "../tiny_model.ts";

/** A set of the molecules, whose split is by their hashes. */
async function makeSet(folder: string): Promise<string> {
  const to = `${folder}/six`;
  await prepareInWorker({ from: { sdf: fileURLToPath(DRUGLIKE_SDF) }, to, name: "six" });
  return to;
}

Deno.test("train, resume, export and draw on a set of an SDF file: each molecule has an example, with sulfur, phosphorus, halogens and charges", () =>
  withFolder(async (root) => {
    const folder = `${root}/run`, data = await makeSet(root), set = await openDataSet(data);
    const { examples, leftOut } = loadExamples(set, Object.values(set.split).flatMap((rows) => [...rows]), set.classes);
    assert.deepEqual([examples.count, leftOut], [6, 0]);
    // Of a neutral form those with a charge left over are left out: here the two whose charges balance until each O- is made an O+.
    const all = Object.values(set.split).flatMap((rows) => [...rows]), neutral = { neutral: true };
    assert.equal(loadExamples(set, all, set.classes, neutral).examples.count, 6);
    const unbalanced = (row: number) => {
      const molecule = set.molecule(row);
      return { ...molecule, charges: molecule.charges?.map(Math.abs) };
    };
    const charged = { chemistry: set.chemistry, molecule: unbalanced }, classes = [...set.classes, [8, 0, 1] as const];
    assert.equal(loadExamples(charged, all, classes).leftOut, 0);
    const left = loadExamples(charged, all, classes, neutral);
    assert.deepEqual([left.examples.count, left.leftOut, left.rows.length], [4, 2, 4]);
    const options = { folder, data, modelName: "tiny", width: 16, blocks: 1, batch: 2, heldOut: 1 };
    const quiet = { ...options, backend: "cpu", write: () => {}, terminal: false } as const;
    await runTraining({ ...quiet, updates: 1 });
    const { update } = await runTraining({ ...quiet, updates: 2, resume: true });
    assert.equal(update, 2);
    await exportModel(folder, `${root}/tiny`);
    const card = await readCard(`${root}/tiny`);
    assert.deepEqual([card.dataSet, card.chemistry], ["six", "druglike"]);
    assert.equal(card.training.data, "six (6 molecules)");
    assert.match(card.description, /^Molecules as of six/);
    const model = await loadModel(`${root}/tiny`, { backend: "wasm", threads: 1 });
    try {
      const request = { count: 3, seed: 1, settings: chooseSettings(card, 2, "ddim") };
      const validate = createValidator(await createRdkit());
      const drawn = (await Array.fromAsync(generateMolecules(model, request, { validate }).windows)).flat();
      assert.equal(drawn.length, 3);
      assert.ok(drawn.every(({ molecule }) => molecule.bonds !== undefined));
    } finally {
      model.dispose();
    }
  }));
