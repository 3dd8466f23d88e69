import assert from "node:assert/strict";
import { join } from "node:path";
import { listModels, loadModel } from "../../model/load.ts";
import { drawNoise } from "../../model/latent.ts";
import { random } from "../../model/random.ts";
import { createModelStore, UnknownModelError } from "../../model/store.ts";
import { withFolder, writeTinyModel } from "./tiny_model.ts";

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

Deno.test("loadModel() gives the same denoiser on the engine in WebAssembly and on TensorFlow.js, to rounding", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), shape = { batch: 3, nodes: 5 };
    const estimate = async (backend: "wasm" | "cpu") => {
      const model = await loadModel(folder, { backend, threads: 2 });
      try {
        assert.equal(model.backend.name, backend);
        const denoiser = await model.denoiser();
        const z = drawNoise(denoiser.space, shape, [0, 1, 2].map((i) => random(1, i)));
        return Float32Array.from(await denoiser.predict(z, shape, 0.4));
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
