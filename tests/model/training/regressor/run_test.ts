/** Runs on QM9's halves: of a conditional model, and of the regressor that judges it. */
import assert from "node:assert/strict";
import { PROPERTY_NAMES } from "../../../../chem/properties.ts";
import { loadModel } from "../../../../model/models/load.ts";
import { tensorsOn } from "../../../../model/models/parts.ts";
import { exportRun } from "../../../../model/training/atom_export.ts";
import { runTraining } from "../../../../model/training/run.ts";
import { openRegressor, readable } from "../../../../model/training/regressor/regressor.ts";
import { runRegressor } from "../../../../model/training/regressor/run.ts";
import { noQm9, qm9Folder } from "../../networks/heavy_atom/qm9_folder.ts";
import { withFolder, writeTinyModel } from "../../tiny_model.ts";
import { ethanol } from "../molecules.ts";

const tiny = { width: 16, blocks: 1, batch: 4, data: qm9Folder, heldOut: 8, backend: "cpu", write() {} } as const;

Deno.test({
  name:
    "runTraining() with conditions learns from the generator's half, begins as a network without, and exports a model that takes them",
  ignore: noQm9,
  fn: () =>
    withFolder(async (folder) => {
      const run = { ...tiny, modelName: "told", folder: `${folder}/run`, terminal: false };
      const from = `${await writeTinyModel(folder)}/denoiser.safetensors`;
      let said = "";
      await runTraining({ ...run, updates: 1, from, conditions: ["gap", "mu"], write: (text) => said += text });
      assert.match(said, /4999\d molecules/);
      assert.equal((await runTraining({ ...run, updates: 2, resume: true })).update, 2);
      await exportRun(run.folder, `${folder}/told`);
      const model = await loadModel(`${folder}/told`, { backend: "cpu" }), { denoiser } = model.card;
      const conditions = denoiser.type === "pair-attention" ? denoiser.conditions! : [];
      assert.deepEqual(conditions.map(({ name, unit }) => [name, unit]), [["gap", "eV"], ["mu", "D"]]);
      assert.ok(Math.abs(conditions[0].mean - 6.85) < 0.05 && Math.abs(conditions[0].deviation - 1.28) < 0.03);
      const network = await model.denoiser(),
        shape = { batch: 1, nodes: 3 },
        z = new Float32Array(3 * 21 + 36).fill(0.1);
      const at = (gap: number) => network.predict(z, shape, { time: 0.5, properties: { gap } });
      assert.notDeepEqual(await at(9), await at(4));
      model.dispose();
    }),
});

Deno.test({
  name: "runRegressor() goes on where it was stopped, and openRegressor() says values in the properties' units",
  ignore: noQm9,
  fn: () =>
    withFolder(async (folder) => {
      const run = { ...tiny, folder };
      assert.equal((await runRegressor({ ...run, updates: 1 })).update, 1);
      await assert.rejects(runRegressor({ ...run, updates: 2 }), /resume it or name another folder/);
      assert.equal((await runRegressor({ ...run, updates: 2, resume: true })).update, 2);
      const said = async (folder: string) => {
        const regressor = await openRegressor(folder, { choice: "cpu", openTensors: tensorsOn("cpu") });
        const [values] = await regressor.values([readable(ethanol)!]);
        regressor.dispose();
        return values;
      };
      const values = await said(folder), other = { ...run, seed: 7, updates: 1 };
      await runRegressor({ ...other, folder: `${folder}/other` });
      await runRegressor({ ...other, folder: `${folder}/from`, from: folder });
      const apart = async (name: string) =>
        Math.hypot(...(await said(`${folder}/${name}`)).map((v, p) => v - values[p]));
      assert.ok(await apart("from") < await apart("other") / 5, "begins with the weights of another");
      // Two updates know no more than the sums over atoms, which are near by themselves: 35 bohr^3 and 13 cal/(mol K) or so.
      const [alpha, , , , , cv] = values;
      assert.equal(values.length, PROPERTY_NAMES.length);
      assert.ok(alpha > 25 && alpha < 45, `${alpha}`);
      assert.ok(cv > 8 && cv < 20, `${cv}`);
      assert.equal(
        readable({ ...ethanol, atomicNumbers: ethanol.atomicNumbers.map((Z) => Z === 8 ? 16 : Z) }),
        undefined,
      );
    }),
});
