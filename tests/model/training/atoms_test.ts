import assert from "node:assert/strict";
import { at } from "../../conditions.ts";
import * as tf from "@tensorflow/tfjs";
import { egnnDenoiserParameters } from "../../../model/networks/egnn_denoiser.ts";
import { geoldmParameters } from "../../../model/networks/geoldm/networks.ts";
import { loadModel } from "../../../model/models/load.ts";
import { initialValues } from "../../../model/networks/pair_attention/initialise.ts";
import type { Tensors } from "../../../model/networks/pair_attention/layers.ts";
import type { LossTensors } from "../../../model/networks/pair_attention/loss.ts";
import { alignNoise } from "../../../model/diffusion/coupling/align.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { random } from "../../../model/diffusion/random.ts";
import { type AtomGroup, atomSet, makeAtomGroup } from "../../../model/training/atom_batches.ts";
import { exportAtomModel } from "../../../model/training/atom_export.ts";
import {
  alignedGroup,
  autoencoderLoss,
  denoisingLoss,
  posteriorLatents,
  scaledAtoms,
} from "../../../model/training/atom_losses.ts";
import { runAtomTraining } from "../../../model/training/atom_run.ts";
import {
  atomSchedule,
  atomSettings,
  atomSpace,
  autoencoderSizes,
  denoiserSizes,
  NORMALISERS,
} from "../../../model/training/atom_settings.ts";
import { createTensorflowLearner } from "../../../model/engines/tensorflow/tensorflow_learner.ts";
import { cyanoacetylene, ethanol } from "./molecules.ts";

const shared = Deno.env.get("MOLSTEP_SHARED") ?? new URL("../../../../shared", import.meta.url).pathname;
const qm9 = Deno.env.get("MOLSTEP_QM9") ?? `${shared}/data/qm9`;
const noQm9 = (() => {
  try {
    return !Deno.statSync(qm9).isDirectory;
  } catch {
    return true;
  }
})();

const settings = atomSettings.parse({ kind: "geoldm", model: "tiny", width: 8, blocks: 1, latentScalars: 2 });
const molecules = [ethanol, cyanoacetylene];
const set = atomSet({ atomCounts: [9, 5], molecule: (row) => molecules[row] }, [0, 1]);
const group = (update: number, batch = 2): AtomGroup =>
  makeAtomGroup({ set, space: atomSpace(settings), batch, seed: 1, update, schedule: atomSchedule(), timesteps: 1000 });

Deno.test("makeAtomGroup() draws one size, centred, with the noise of the latent space", () => {
  const seen = new Set<number>();
  for (let update = 0; update < 20; update++) {
    const { shape: { batch, nodes }, positions, features, noise, t } = group(update, 3);
    seen.add(nodes);
    assert.equal(features.length, batch * nodes * 6);
    for (let b = 0; b < batch; b++) {
      assert.ok(t[b] > b / 3 - 1e-6 && t[b] <= (b + 1) / 3 + 1e-3);
      assert.ok(Math.abs(t[b] * 1000 - Math.round(t[b] * 1000)) < 1e-3);
      for (let axis = 0; axis < 3; axis++) {
        let x = 0, e = 0;
        for (let i = 0; i < nodes; i++) {
          x += positions[(b * nodes + i) * 3 + axis], e += noise[(b * nodes + i) * 5 + axis];
        }
        assert.ok(Math.abs(x) < 1e-4 && Math.abs(e) < 1e-4);
      }
    }
  }
  assert.deepEqual([...seen].sort(), [5, 9]);
  assert.deepEqual(group(4), group(4));
  assert.notDeepEqual(group(4).noise, group(5).noise);
});

/** Compares each parameter's gradient with the slope along it. */
async function checkGradients(
  values: Map<string, { shape: number[]; data: Float32Array }>,
  loss: (params: Tensors, group: AtomGroup) => LossTensors,
) {
  await tf.setBackend("cpu");
  const names = [...values.keys()], batch = group(3);
  const params = (changed?: string, data?: Float32Array) =>
    Object.fromEntries(names.map((name) => {
      const value = values.get(name)!;
      return [name, tf.tensor(name === changed ? data! : value.data, value.shape)];
    }));
  const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) =>
    loss(Object.fromEntries(names.map((name, k) => [name, tensors[k]])), batch).total
  )(Object.values(params()));
  const total = value.dataSync()[0];
  names.forEach((name, k) => {
    const gradient = grads[k].dataSync(), length = Math.hypot(...gradient), { data } = values.get(name)!;
    if (length < 1e-4 * total) return; // below what float32 differences can tell
    const step = Math.min(0.02 * total / length, 0.02);
    const at = (sign: number) =>
      tf.tidy(() =>
        loss(params(name, data.map((x, i) => x + sign * step * gradient[i] / length)), batch).total.dataSync()[0]
      );
    const slope = (at(1) - at(-1)) / (2 * step);
    assert.ok(Math.abs(slope - length) < 0.03 * length + 1e-4 * total, `${name}: ${slope} and ${length}`);
  });
  assert.ok(grads.filter((g) => g.norm().dataSync()[0] > 1e-4 * total).length > 0.7 * names.length);
}

/** First values with some noise, so that small layers count. */
function shaken(specs: Parameters<typeof initialValues>[0]) {
  const values = initialValues(specs, 2);
  let k = 0;
  for (const { data } of values.values()) {
    const draw = random(5, k++);
    for (let i = 0; i < data.length; i++) data[i] += 0.1 * draw.normal();
  }
  return values;
}

Deno.test("autoencoderLoss() agrees with finite differences", () => {
  const sizes = autoencoderSizes(settings);
  return checkGradients(shaken(geoldmParameters(sizes)), autoencoderLoss(tf, sizes, 0.01));
});

Deno.test("denoisingLoss() agrees with finite differences, on drawn latents", async () => {
  const sizes = denoiserSizes(settings), encoder = autoencoderSizes(settings);
  await tf.setBackend("cpu");
  const frozen = Object.fromEntries(
    [...shaken(geoldmParameters(encoder))].map(([name, { shape, data }]) => [name, tf.tensor(data, shape)]),
  );
  const loss = denoisingLoss(tf, sizes, posteriorLatents(tf, frozen, encoder));
  await checkGradients(shaken(egnnDenoiserParameters(atomSpace(settings), sizes)), loss);
});

Deno.test("alignedGroup() has the noise lie as the clean latents lie, and changes no group", async () => {
  await tf.setBackend("cpu");
  const space = { vectors: 1, scalars: 6, pairs: 0 }, one = group(0), clean = scaledAtoms(tf, NORMALISERS);
  const noise = drawNoise(space, one.shape, Array(one.shape.batch).fill(random(3))), drawn = { ...one, noise };
  const aligned = alignNoise(noise.slice(), clean(one).dataSync() as Float32Array, space, one.shape);
  assert.deepEqual(await alignedGroup(tf, clean, space, drawn), { ...one, noise: aligned });
  assert.notDeepEqual(aligned, drawn.noise);
  assert.deepEqual(drawn.noise, noise);
});

Deno.test("autoencoderLoss() falls in training", async () => {
  await tf.setBackend("cpu");
  const sizes = autoencoderSizes(settings), specs = geoldmParameters(sizes);
  const learner = createTensorflowLearner<AtomGroup>(tf, {
    backend: "cpu",
    specs,
    values: initialValues(specs, 1),
    loss: autoencoderLoss(tf, sizes, 0.01),
  });
  const before = await learner.loss([group(0), group(1)], "params");
  for (let k = 0; k < 60; k++) await learner.update([group(k)], { muon: 1, adamw: 5e-3, emaDecay: 0.9, clip: 10 });
  const after = await learner.loss([group(0), group(1)], "params");
  assert.ok(after.parts.types < 0.7 * before.parts.types, `${before.parts.types} to ${after.parts.types}`);
  assert.ok(after.total < 0.5 * before.total, `${before.total} to ${after.total}`);
  learner.dispose();
});

Deno.test("scaledAtoms() divides positions, types and charges by their factors", async () => {
  await tf.setBackend("cpu");
  const one = group(0), z = scaledAtoms(tf, NORMALISERS)(one).dataSync();
  for (let i = 0; i < one.shape.batch * one.shape.nodes; i++) {
    assert.ok(Math.abs(z[i * 9] - one.positions[3 * i]) < 1e-6);
    const charge = one.features[6 * i + 5];
    assert.ok(Math.abs(z[i * 9 + 8] - charge / 10) < 1e-6);
    assert.ok(Math.abs(z[i * 9 + 3 + [1, 6, 7, 8, 9].indexOf(charge)] - 0.25) < 1e-6);
  }
});

for (const kind of ["geoldm", "edm"] as const) {
  Deno.test({
    name: `runAtomTraining() trains ${kind}, resumes, and exports a model that loads and predicts`,
    ignore: noQm9,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "molstep-atoms-" });
      try {
        const coupling = kind === "edm" ? { coupling: "aligned" as const } : {};
        const asked = { kind, model: "tiny", width: 8, blocks: 1, batch: 2, ...coupling };
        let said = "";
        const options = {
          folder: `${folder}/run`,
          backend: "cpu",
          data: qm9,
          write: (text: string) => said += text,
        } as const;
        const first = await runAtomTraining(asked, { ...options, updates: 2 });
        assert.deepEqual([first.update, first.finished], [2, true]);
        await assert.rejects(runAtomTraining(asked, { ...options, updates: 2 }), /resume it or name another/);
        const more = await runAtomTraining(asked, { ...options, updates: 4, resume: true });
        assert.equal(more.update, 4);
        assert.equal(said.includes("autoencoder: trains on cpu"), kind === "geoldm");
        const card = await exportAtomModel(`${folder}/run`, `${folder}/tiny`);
        assert.equal(card.coupling, coupling.coupling);
        const { vectors: [spread], scalars } = card.latents![18];
        assert.ok(spread > 0.3, `${spread}`);
        if (kind === "edm") {
          // One-hot types over 4, so half of the atoms of 18-atom molecules, hydrogens, give a mean of an eighth.
          assert.ok(spread > 1.2 && spread < 1.7 && Math.abs(scalars[0][0] - 0.125) < 0.02, `${spread} ${scalars[0]}`);
        }
        assert.equal(Object.values(card.sizes).reduce((a, b) => a + b), 100_000);
        const model = await loadModel(`${folder}/tiny`, { backend: "cpu" });
        const { space } = model.autoencoder, shape = { batch: 1, nodes: 5 };
        const z = new Float32Array(5 * (3 + space.scalars)).map((_, i) => Math.sin(i));
        const x0 = await (await model.denoiser()).predict(z, shape, at(0.5));
        assert.ok(x0.length === z.length && x0.every(Number.isFinite));
        const [molecule] = await model.autoencoder.decode(x0, shape, [random(1)]);
        assert.equal(molecule.atomicNumbers.length, 5);
        model.dispose();
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
