import assert from "node:assert/strict";
import { join } from "node:path";
import { listModels, networkOf, studentPath } from "../../../model/models/overlay.ts";
import { student, withFolder, writeTinyModel } from "../tiny_model.ts";

/** Runs a test with a shipped model of 8 and 4 steps and an empty data directory. */
const withShipped = (work: (roots: string[], data: string) => Promise<void>) =>
  withFolder(async (root) => {
    const roots = [join(root, "weights")], data = join(root, "data");
    await writeTinyModel(roots[0], { distilled: [student(8), student(4)] });
    await Deno.mkdir(join(data, "models", "qm9"), { recursive: true });
    await work(roots, data);
  });

const write = (data: string, overlay: unknown, name = "qm9") =>
  Deno.writeTextFile(join(data, "models", name, "distilled.json"), JSON.stringify(overlay));

Deno.test("listModels() lays the data directory's students over a model's own, and hides those removed", () =>
  withShipped(async (roots, data) => {
    const [before] = await listModels(roots, { data });
    assert.deepEqual(before.card.distilled.map(({ steps }) => steps), [8, 4]);
    await write(data, { entries: [student(4, "new"), student(2, "new")], removed: [8] });
    const folder = join(data, "models", "qm9");
    for (const steps of [4, 2]) await Deno.writeTextFile(join(folder, student(steps, "new").file), "weights");
    const [{ card, ...entry }] = await listModels(roots, { data });
    assert.deepEqual(card.distilled.map(({ steps, version }) => [steps, version]), [[4, "new"], [2, "new"]]);
    assert.equal(studentPath({ card, ...entry }, 4), join(folder, student(4, "new").file));
    assert.equal(studentPath(before, 4), join(roots[0], "qm9", student(4).file));
    assert.throws(() => studentPath({ card, ...entry }, 8), /no weights distilled to 8 steps/);
    const [plain] = await listModels(roots);
    assert.deepEqual(plain.card.distilled.map(({ steps }) => steps), [8, 4]);
  }));

Deno.test("listModels() finds whole models of the data directory; one of a shipped name does not count", () =>
  withShipped(async (roots, data) => {
    await writeTinyModel(join(data, "models"), { name: "small" });
    await writeTinyModel(join(data, "models"), { name: "qm9", description: "not this one" });
    const models = await listModels(roots, { data });
    assert.deepEqual(models.map(({ name }) => name), ["qm9", "small"]);
    assert.equal(models[0].card.description, "Random weights");
    assert.equal((await listModels(roots, { data: join(data, "absent") })).length, 1);
  }));

Deno.test("listModels() leaves out what is damaged in the data directory and tells of it", () =>
  withShipped(async (roots, data) => {
    const list = async () => {
      const faults: string[] = [];
      const models = await listModels(roots, { data, onFault: ({ message }) => faults.push(message) });
      return { faults: faults.join("\n"), steps: models[0].card.distilled.map(({ steps }) => steps), models };
    };
    await write(data, { entries: [{ steps: 2 }], removed: [8] });
    const odd = await list();
    assert.match(odd.faults, /qm9\/distilled\.json is damaged; mend or remove it:[^]*entries\[0\]/);
    assert.deepEqual(odd.steps, [8, 4]);
    await assert.rejects(listModels(roots, { data }), /distilled\.json is damaged/);
    await Deno.writeTextFile(join(data, "models", "qm9", "distilled.json"), '{"entries": [');
    assert.match((await list()).faults, /distilled\.json is damaged: .*JSON/);
    await write(data, { entries: [student(4, "lost")], removed: [8] });
    const lost = await list();
    assert.match(lost.faults, /distilled\.json names d4-lost\.safetensors, which is not there/);
    assert.deepEqual(lost.steps, [4]); // the model's own
    await Deno.writeTextFile(join(data, "models", "qm9", student(2, "old").file), "weights");
    await write(data, { entries: [student(2, "old")], removed: [8], network: networkOf(lost.models[0].card) });
    assert.deepEqual((await list()).steps, [4, 2]);
    await write(data, { entries: [student(2, "old")], removed: [8], network: "0123456789ab" });
    const upgraded = await list();
    assert.match(upgraded.faults, /the weights for 2 steps fit another network than qm9 has/);
    assert.deepEqual(upgraded.steps, [4]);
    await Deno.mkdir(join(data, "models", "broken"));
    await Deno.writeTextFile(join(data, "models", "broken", "card.json"), "{}");
    const broken = await list();
    assert.match(broken.faults, /broken\/card\.json is not a sound card/);
    assert.equal(broken.models.length, 1);
  }));
