import assert from "node:assert/strict";
import { eachCondition } from "../../../model/diffusion/condition.ts";
import { at } from "../../conditions.ts";
import { join } from "node:path";
import type { CardInput } from "../../../model/models/card.ts";
import { breathe } from "../../../chem/breathe.ts";
import { draw } from "../../../model/generation/generate.ts";
import { listModels, loadModel } from "../../../model/models/load.ts";
import { drawNoise, latentLength } from "../../../model/diffusion/latent.ts";
import { random } from "../../../model/diffusion/random.ts";
import { readSafetensors, writeSafetensors } from "../../../model/diffusion/safetensors.ts";
import { chooseSettings } from "../../../model/models/settings.ts";
import { createModelStore, UnknownModelError } from "../../../model/models/store.ts";
import { student, withFolder, writeTinyModel } from "../tiny_model.ts";

const cpu = { backend: "cpu" } as const;

Deno.test("listModels() finds the models of several folders, the first of a name first", () =>
  withFolder(async (root) => {
    await writeTinyModel(join(root, "a"), { name: "one", description: "first" });
    await writeTinyModel(join(root, "b"), { name: "one", description: "second" });
    await writeTinyModel(join(root, "b"), { name: "another" });
    await Deno.mkdir(join(root, "b", "no-model"));
    const models = await listModels([join(root, "a"), join(root, "b"), join(root, "absent")]);
    assert.deepEqual(models.map(({ name, card }) => [name, card.description]), [
      ["another", "Random weights"],
      ["one", "first"],
    ]);
  }));

Deno.test("listModels() refuses a card that names another model than its folder", () =>
  withFolder(async (root) => {
    await Deno.rename(await writeTinyModel(root, { name: "one" }), join(root, "two"));
    await assert.rejects(listModels([root]), /names the model one; it must be named as its folder/);
  }));

Deno.test("loadModel() names the file that is missing or damaged", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), file = join(folder, "denoiser.safetensors");
    await Deno.writeFile(file, (await Deno.readFile(file)).subarray(0, 1000));
    await assert.rejects(loadModel(folder, cpu), /denoiser\.safetensors: not a sound safetensors file/);
    await Deno.remove(file);
    await assert.rejects(loadModel(folder, cpu), Deno.errors.NotFound);
  }));

Deno.test("loadModel() refuses a file of more blocks than its card says", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), path = join(folder, "denoiser.safetensors");
    const tensors = readSafetensors(await Deno.readFile(path));
    tensors.set("blocks.1.mix", tensors.get("blocks.0.mix")!);
    await Deno.writeFile(path, writeSafetensors(tensors));
    for (const backend of ["cpu", "wasm"] as const) {
      await assert.rejects(loadModel(folder, { backend }), /network of 1 blocks has no blocks\.1\.mix of the file's/);
    }
  }));

Deno.test("Model.denoiser() loads distilled weights once, and refuses steps that it lacks", () =>
  withFolder(async (root) => {
    const distilled = [{ steps: 4, file: "d4.safetensors", variant: "ddim" as const, teacher: "qm9", version: "1" }];
    const model = await loadModel(await writeTinyModel(root, { distilled }), cpu);
    try {
      const student = await model.denoiser(4);
      assert.equal(await model.denoiser(4), student);
      assert.notEqual(await model.denoiser(), student);
      await assert.rejects(model.denoiser(5), /no weights distilled to 5 steps/);
    } finally {
      model.dispose();
    }
  }));

/** A model whose networks are counted: each tells what it was called with, and waits in `predict` for `gate`. */
async function counted(root: string, distilled: CardInput["distilled"], gate: () => Promise<void> = async () => {}) {
  const events: string[] = [], made: string[] = [];
  await writeTinyModel(root, { distilled });
  const [entry] = await listModels([root]);
  const model = await loadModel(entry, {
    ...cpu,
    make: (card, _tensors, _schedule, _options, { levels = 0 } = {}) => {
      const name = `network ${made.length}`;
      made.push(`${name}, ${levels} levels`);
      const space = card.space;
      return Promise.resolve({
        backend: { name: "fake", why: "a test" },
        part: {
          space,
          async predict(z, _shape, conditions) {
            const [{ steps }] = eachCondition(conditions, 1);
            events.push(`${name} begins at ${steps} steps`);
            await gate();
            events.push(`${name} ends`);
            return new Float32Array(z.length);
          },
          can: {},
          dispose: () => void events.push(`${name} is disposed of`),
        },
      });
    },
  });
  return { model, entry, events, made };
}

Deno.test("Model.lease() loads a file that several step counts name once, and tells its network the step count", () =>
  withFolder(async (root) => {
    const shared = { file: "shared.safetensors", levels: 8 };
    const { model, events, made } = await counted(root, [{ ...student(8), ...shared }, { ...student(4), ...shared }]);
    const shape = { batch: 1, nodes: 3 }, z = new Float32Array(latentLength(model.autoencoder.space, 3));
    const leases = [model.lease(8), model.lease(4), model.lease()];
    for (const { denoiser } of leases) await (await denoiser).predict(z, shape, at(1));
    assert.deepEqual(made, ["network 0, 0 levels", "network 1, 8 levels"]);
    assert.deepEqual(events.filter((event) => /begins/.test(event)), [
      "network 1 begins at 8 steps",
      "network 1 begins at 4 steps",
      "network 0 begins at undefined steps",
    ]);
    for (const { release } of leases) release();
    model.dispose();
    await Promise.resolve();
    assert.throws(() => model.lease(), /has been disposed of/);
  }));

Deno.test("draw() finishes on the weights that it began with while others go into service", () =>
  withFolder(async (root) => {
    const waiting: (() => void)[] = [];
    const gate = () => new Promise<void>((resolve) => waiting.push(resolve));
    const { model, entry, events } = await counted(root, [student(2, "old")], gate);
    const settings = chooseSettings(model.card, 2), request = { count: 1, seed: 1, settings };
    const drawing = Array.fromAsync(draw(model, request));
    while (waiting.length === 0) await breathe();

    await Deno.copyFile(join(root, "qm9", student(2, "old").file), join(root, "qm9", student(2, "new").file));
    const card = {
      ...entry.card,
      distilled: [{ ...entry.card.distilled[0], file: student(2, "new").file, version: "new" }],
    };
    let gone = false;
    const end = model.serve({ ...entry, card }).then(() => gone = true);
    assert.equal(model.lease(2).version, "new");
    waiting.shift()!();
    while (waiting.length === 0) await breathe();
    assert.equal(gone, false);
    waiting.shift()!();
    assert.equal((await drawing)[0].molecules.length, 1);
    await end;
    assert.deepEqual(events, [
      "network 1 begins at undefined steps",
      "network 1 ends",
      "network 1 begins at undefined steps",
      "network 1 ends",
      "network 1 is disposed of",
    ]);
    model.dispose();
  }));

Deno.test("draw() gives its weights back when it is given up or fails", () =>
  withFolder(async (root) => {
    const { model, entry, events } = await counted(root, [student(2)]);
    const request = { count: 9, seed: 1, settings: chooseSettings(model.card, 2) }, abort = new AbortController();
    const given = draw(model, request), failing = draw(model, request, { signal: abort.signal });
    await given.next();
    await failing.next();
    let gone = false;
    const end = model.serve({ ...entry, card: { ...entry.card, distilled: [] } }).then(() => gone = true);
    await given.return();
    await breathe();
    assert.equal(gone, false);
    abort.abort(new Error("enough"));
    await assert.rejects(Array.fromAsync(failing), /enough/);
    await end;
    assert.equal(events.at(-1), "network 1 is disposed of");
    model.dispose();
  }));

Deno.test("Model.retire() disposes of all when the last lease ends", () =>
  withFolder(async (root) => {
    const { model, events } = await counted(root, [student(2)]), lease = model.lease(2);
    await lease.denoiser;
    let gone = false;
    const end = model.retire().then(() => gone = true);
    await breathe();
    assert.deepEqual([gone, events], [false, []]);
    lease.release();
    await end;
    await breathe();
    assert.deepEqual(events.sort(), ["network 0 is disposed of", "network 1 is disposed of"]);
  }));

Deno.test("loadModel() gives the same denoiser on the engine in WebAssembly and on TensorFlow.js, to rounding", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), shape = { batch: 3, nodes: 5 };
    const estimate = async (backend: "wasm" | "cpu") => {
      const model = await loadModel(folder, { backend, threads: 2 });
      try {
        assert.equal(model.backend.name, backend);
        const denoiser = await model.denoiser();
        const z = drawNoise(denoiser.space, shape, [0, 1, 2].map((i) => random(1, i)));
        return Float32Array.from(await denoiser.predict(z, shape, at(0.4)));
      } finally {
        model.dispose();
      }
    };
    const [engine, plain] = [await estimate("wasm"), await estimate("cpu")];
    engine.forEach((value, i) => assert.ok(Math.abs(value - plain[i]) < 1e-4, `${i}: ${value} and ${plain[i]}`));
  }));

Deno.test("ModelStore loads a model once, and tries again after a failure", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root);
    let loads = 0;
    const store = createModelStore(await listModels([root]), ({ folder }) => {
      if (++loads === 1) return Promise.reject(new Error("no luck"));
      return loadModel(folder, cpu);
    });
    await assert.rejects(store.model("qm9"), /no luck/);
    assert.equal(store.loaded("qm9"), undefined);
    const [one, two] = await Promise.all([store.model("qm9"), store.model("qm9")]);
    assert.equal(one, two);
    assert.equal(loads, 2);
    assert.equal(store.loaded("qm9"), one);
    assert.equal(store.entry("qm9").folder, folder);
    assert.throws(() => store.entry("zinc"), UnknownModelError);
    store.dispose();
  }));

Deno.test("ModelStore.update() exchanges the students of a model, loaded, being loaded or not", () =>
  withFolder(async (root) => {
    await writeTinyModel(root, { distilled: [student(4)] });
    const [before] = await listModels([root]), without = { ...before, card: { ...before.card, distilled: [] } };
    const started = Promise.withResolvers<void>();
    const store = createModelStore([before], async (entry) => {
      await started.promise;
      return await loadModel(entry, cpu);
    });
    await store.update(without);
    assert.deepEqual(store.entry("qm9").card.distilled, []);
    await store.update(before);
    const loading = store.model("qm9");
    await breathe(); // it has begun, with a student
    await store.update(without);
    started.resolve();
    const model = await loading;
    assert.throws(() => model.lease(4), /no weights distilled to 4 steps; it has none/);
    await store.update(before);
    model.lease(4).release();
    await assert.rejects(store.update({ ...before, name: "zinc" }), UnknownModelError);
    store.dispose();
  }));

Deno.test("ModelStore.replace() lets whoever loads the model before have the one in its place", () =>
  withFolder(async (root) => {
    await writeTinyModel(root);
    const [entry] = await listModels([root]),
      started = Promise.withResolvers<void>(),
      fresh = await loadModel(entry, cpu);
    const store = createModelStore([entry], async (entry) => {
      await started.promise;
      return await loadModel(entry, cpu);
    });
    const loading = store.model("qm9");
    await breathe();
    await store.replace({ ...entry, card: { ...entry.card, version: "fresh" } }, fresh);
    started.resolve();
    assert.equal(await loading, fresh);
    assert.equal(store.loaded("qm9"), fresh);
    assert.equal(store.entry("qm9").card.version, "fresh");
    store.dispose();
  }));
