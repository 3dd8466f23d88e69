import assert from "node:assert/strict";
import { createNativeLearner } from "../../../model/engines/c/native_learner.ts";
import { loadModel } from "../../../model/models/load.ts";
import { loadCheckpoint } from "../../../model/training/checkpoint.ts";
import { latentLength } from "../../../model/diffusion/latent.ts";
import { LOCK } from "../../../model/diffusion/lock.ts";
import { exportRun } from "../../../model/training/atom_export.ts";
import type { Rates } from "../../../model/diffusion/learner.ts";
import { openLearner, type Trainer } from "../../../model/engines/open_learner.ts";
import { runTraining } from "../../../model/training/run.ts";
import { runSpace } from "../../../model/training/settings.ts";
import { tinyGroups, tinyLearner, tinySettings } from "./tiny_run.ts";

const shared = Deno.env.get("MOLSTEP_SHARED") ?? new URL("../../../../shared", import.meta.url).pathname;
const qm9 = Deno.env.get("MOLSTEP_QM9") ?? `${shared}/data/qm9`;
const noQm9 = (() => {
  try {
    return !Deno.statSync(qm9).isDirectory;
  } catch {
    return true;
  }
})();

const setup = {
  space: runSpace(),
  sizes: { width: tinySettings.width, blocks: tinySettings.blocks },
  seed: tinySettings.seed,
  threads: 1,
};
const noNative = (() => {
  try {
    createNativeLearner(setup).dispose();
    return false;
  } catch {
    return true; // no compiler here
  }
})();

Deno.test({
  name: "update() gives the same weights on the native engine as on TensorFlow.js",
  ignore: noNative,
  async fn() {
    const native = createNativeLearner(setup), reference = await tinyLearner();
    const rates = (k: number): Rates => ({ muon: 0.01, adamw: 1e-3, emaDecay: 0.5 + 0.1 * k, clip: k < 2 ? 10 : 0.5 });
    for (let k = 0; k < 4; k++) {
      const [a, b] = [await native.update(tinyGroups(k), rates(k)), await reference.update(tinyGroups(k), rates(k))];
      assert.ok(Math.abs(a.total - b.total) < 1e-4 * b.total, `update ${k}: ${a.total} and ${b.total}`);
      assert.deepEqual(Object.keys(a.parts), Object.keys(b.parts));
    }
    const [a, b] = [await native.state(), await reference.state()];
    assert.deepEqual([...a.tensors.keys()].sort(), [...b.tensors.keys()].sort());
    for (const [name, { data, shape }] of b.tensors) {
      const other = a.tensors.get(name)!;
      assert.deepEqual(other.shape, shape);
      const scale = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-6);
      // Adam divides by the root of a mean square, so what is nearly zero may differ most there.
      data.forEach((value, i) => assert.ok(Math.abs(value - other.data[i]) < 2e-3 * scale + 1e-6, `${name} ${i}`));
    }
    native.dispose(), reference.dispose();
  },
});

Deno.test({
  name: "restore() takes over on the native engine what TensorFlow.js has learned",
  ignore: noNative,
  async fn() {
    const native = createNativeLearner({ ...setup, seed: 99 }), reference = await tinyLearner();
    const rates: Rates = { muon: 0.01, adamw: 1e-3, emaDecay: 0.9, clip: 10 };
    for (let k = 0; k < 2; k++) await reference.update(tinyGroups(k), rates);
    await native.restore(await reference.state());
    for (const which of ["params", "ema"] as const) {
      const [a, b] = [await native.loss(tinyGroups(7), which), await reference.loss(tinyGroups(7), which)];
      assert.ok(Math.abs(a.total - b.total) < 1e-4 * b.total, `${which}: ${a.total} and ${b.total}`);
    }
    native.dispose(), reference.dispose();
  },
});

Deno.test("openLearner() throws RangeError when the trainer is unknown", async () => {
  await assert.rejects(openLearner("abacus" as Trainer, setup), /a trainer is one of auto, native, .*"abacus"/);
});

Deno.test({
  name: "runTraining() trains on QM9, refuses bad settings, and its run exports as a model that loads",
  ignore: noQm9,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "molstep-run-" });
    try {
      let said = "";
      const options = {
        modelName: "tiny",
        width: 16,
        blocks: 1,
        batch: 4,
        folder: `${folder}/run`,
        backend: "cpu",
        data: qm9,
        heldOut: 4,
        write: (text: string) => said += text,
        terminal: false,
      } as const;
      await assert.rejects(runTraining({ ...options, updates: 1, width: 17 }), /multiple of 16/);
      const result = await runTraining({ ...options, updates: 2 });
      assert.deepEqual([result.update, result.finished], [2, true]);
      assert.match(said, /99993 molecules, 7 left out; 4000 held out/);
      const files = [...Deno.readDirSync(options.folder)].map(({ name }) => name).sort();
      assert.deepEqual(files, ["checkpoint.safetensors", "latents.json", "learning_curve.svg", "losses.csv", LOCK]);
      await exportRun(options.folder, `${folder}/tiny`);
      const model = await loadModel(`${folder}/tiny`, { backend: "cpu" });
      assert.equal(model.card.sizes["9"], 83366);
      assert.equal(model.card.coupling, "aligned", "new runs align their noise");
      const { vectors: [position], scalars, pairs } = model.card.latents!["9"];
      assert.ok(Math.abs(position - 0.72) < 0.03, `positions spread by ${position}`);
      for (const [features, one] of [[scalars, 0.5], [pairs, 0.5]] as const) {
        const sum = features.reduce((total, [mean]) => total + mean, 0);
        assert.ok(Math.abs(sum - one) < 1e-3, "frequencies of one-hot features add up");
      }
      model.dispose();
      // Begun from weights; a run without coupling keeps the settings that runs had before there was one, and resumes without it.
      const from = `${folder}/tiny/denoiser.safetensors`, old = { ...options, folder: `${folder}/old` };
      const first = await runTraining({ ...old, updates: 1, coupling: "independent", from });
      const kept = async () => JSON.parse((await loadCheckpoint(old.folder))!.settings);
      assert.equal(first.update, 1);
      assert.equal((await kept()).coupling, undefined);
      assert.match((await kept()).from.sha256, /^[0-9a-f]{64}$/);
      assert.equal((await runTraining({ ...old, updates: 2, resume: true })).update, 2);
      assert.equal((await kept()).coupling, undefined);
      await assert.rejects(
        runTraining({ ...old, updates: 3, resume: true, coupling: "aligned" }),
        /settings must be those of the run in/,
      );
      // Begun from weights that do not see their own estimate; the model that comes of it says that it does, and loads.
      const seeing = { ...options, estimates: true, folder: `${folder}/seeing` } as const;
      assert.equal((await runTraining({ ...seeing, updates: 2, from })).update, 2);
      await exportRun(seeing.folder, `${folder}/seen`);
      const other = await loadModel(`${folder}/seen`, { backend: "cpu" });
      assert.partialDeepStrictEqual(other.card.denoiser, { type: "pair-attention", estimates: true });
      other.dispose();
      // In another form of the latent, from weights with four orders; the model's card says all that reading and drawing need.
      const words = { aromatic: true, hydrogen: "canonical", frequency: 24 } as const;
      const formed = { ...options, ...words, uDropout: 0.25, folder: `${folder}/formed` };
      assert.equal((await runTraining({ ...formed, updates: 2, from })).update, 2);
      await exportRun(formed.folder, `${folder}/form`);
      const third = await loadModel(`${folder}/form`, { backend: "cpu" }),
        { space, denoiser, autoencoder } = third.card;
      assert.equal(space.pairs, 5);
      assert.partialDeepStrictEqual(denoiser, { frequency: 24 });
      assert.partialDeepStrictEqual(autoencoder, { aromatic: true, hydrogen: "canonical" });
      const shares = third.card.latents!["9"].pairs.map(([mean]) => 2 * mean);
      // 17 of 100 molecules have a ring of five or six such bonds, of 36 pairs.
      assert.ok(shares[4] > 0.02 && shares[4] < 0.04, `${shares}`);
      const shape = { batch: 1, nodes: 5 }, x0 = new Float32Array(latentLength(space, 5));
      assert.equal((await third.autoencoder.decode(x0, shape, [], { decoding: "argmax" })).length, 1);
      third.dispose();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
