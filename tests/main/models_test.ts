import assert from "node:assert/strict";
import { join } from "node:path";
import { dataFolder, findModel } from "../../main/models.ts";
import { UnknownModelError } from "../../model/models/store.ts";
import { student, withFolder, writeTinyModel } from "../model/tiny_model.ts";

Deno.test("findModel() sees the students and the models of the data directory, where it is told of one", () =>
  withFolder(async (root) => {
    const roots = [join(root, "weights")], data = join(root, "data"), folder = join(data, "models", "qm9");
    await writeTinyModel(roots[0], { distilled: [student(8)] });
    await writeTinyModel(join(data, "models"), { name: "small" });
    await Deno.mkdir(folder);
    await Deno.writeTextFile(join(folder, student(4).file), "weights");
    await Deno.writeTextFile(join(folder, "distilled.json"), JSON.stringify({ entries: [student(4)], removed: [8] }));
    assert.deepEqual((await findModel("qm9", roots, data)).card.distilled.map(({ steps }) => steps), [4]);
    assert.deepEqual((await findModel("qm9", roots)).card.distilled.map(({ steps }) => steps), [8]);
    assert.equal((await findModel("small", roots, data)).name, "small");
    await assert.rejects(findModel("small", roots), UnknownModelError);
    assert.equal((await findModel(join(data, "models", "small"))).name, "small");
    await Deno.writeTextFile(join(folder, "distilled.json"), "{");
    await assert.rejects(findModel("qm9", roots, data), /distilled\.json is damaged/);
  }));

Deno.test("dataFolder() is what the environment says, else data", () => {
  assert.equal(dataFolder({ MOLSTEP_DATA_DIR: "/var/lib/molstep" }), "/var/lib/molstep");
  assert.equal(dataFolder({ MOLSTEP_DATA_DIR: "" }), "data");
  assert.equal(dataFolder({}), "data");
});
