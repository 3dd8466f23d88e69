/** A model is trained on another data set than QM9, written to a folder, and drawn from: an SDF file of drug-like molecules. */
import assert from "node:assert/strict";
import { createRdkit } from "../../../chem/rdkit.ts";
import { openDataSet } from "../../../chem/data_sets.ts";
import { createValidator } from "../../../chem/validator.ts";
import { generateMolecules } from "../../../model/generation/pipeline.ts";
import { readCard } from "../../../model/models/card.ts";
import { loadModel } from "../../../model/models/load.ts";
import { chooseSettings } from "../../../model/models/settings.ts";
import { classesOf, loadExamples } from "../../../model/training/data.ts";
import { exportModel } from "../../../model/training/export.ts";
import { runTraining } from "../../../model/training/run.ts";
import { DRUGLIKE_SDF } from "../../chem/druglike.ts";
import { withFolder } from "../tiny_model.ts";

/** The molecules twice over, as there must be some to hold out. */
async function writeData(folder: string): Promise<string> {
  const text = await Deno.readTextFile(DRUGLIKE_SDF), path = `${folder}/molecules.sdf`;
  await Deno.writeTextFile(path, text + text);
  return path;
}

Deno.test("classesOf() gathers what heavy atoms are, charges among them, and each molecule has an example", () =>
  withFolder(async (folder) => {
    const data = await openDataSet("sdf", await writeData(folder)), classes = classesOf(data);
    const has = (...kind: number[]) => classes.some((one) => one.join() === kind.join());
    assert.ok(has(16, 0) && has(16, 0, 1) && has(7, 0, 1) && has(8, 0, -1) && has(15, 0) && has(17, 0) && has(35, 0));
    assert.deepEqual([...classes].sort((a, b) => a[0] - b[0]), classes);
    const { examples, leftOut } = loadExamples(data, data.split.train, classes);
    assert.deepEqual([examples.count, leftOut], [10, 0]);
  }));

Deno.test("train, resume, export and draw on an SDF file", () =>
  withFolder(async (root) => {
    const folder = `${root}/run`, data = await writeData(root);
    const options = { folder, data, modelName: "tiny", width: 16, blocks: 1, batch: 2, heldOut: 1 };
    const quiet = { ...options, backend: "cpu", write: () => {}, terminal: false } as const;
    await runTraining({ ...quiet, dataSet: "sdf", updates: 1 });
    const { update } = await runTraining({ ...quiet, updates: 2, resume: true });
    assert.equal(update, 2);
    await exportModel(folder, `${root}/tiny`);
    const card = await readCard(`${root}/tiny`);
    assert.deepEqual([card.dataSet, card.chemistry], ["sdf", "druglike"]);
    assert.equal(card.training.data, "molecules.sdf (12 molecules)");
    assert.match(card.description, /^Molecules as of molecules.sdf/);
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
