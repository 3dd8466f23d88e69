import assert from "node:assert/strict";
import { at } from "../../conditions.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CardInput, readCard } from "../../../model/models/card.ts";
import type { RoundEvent } from "../../../model/distillation/events.ts";
import { roundResult } from "../../../model/distillation/result.ts";
import { runRound } from "../../../model/distillation/run.ts";
import { roundSettings } from "../../../model/distillation/settings.ts";
import { egnnDenoiserParameters, type EgnnDenoiserSizes } from "../../../model/networks/egnn_denoiser.ts";
import { RELEASED_EGNN } from "../../../model/networks/egnn_parameters.ts";
import { loadModel } from "../../../model/models/load.ts";
import { importCheckpoint } from "../../../model/models/import/import.ts";
import { initialValues } from "../../../model/networks/pair_attention/initialise.ts";
import { readSafetensors, writeSafetensors } from "../../../model/diffusion/safetensors.ts";
import { CHECKPOINT, hasReference, SHARED } from "../networks/geoldm/geoldm_reference.ts";
import { withFolder } from "../tiny_model.ts";

const qm9 = Deno.env.get("MOLSTEP_QM9") ?? join(SHARED, "data", "qm9"), noQm9 = !existsSync(qm9);
const space = { vectors: 1, scalars: 6, pairs: 0 };
const sizes: EgnnDenoiserSizes = {
  ...RELEASED_EGNN,
  width: 16,
  blocks: 1,
  conditionTime: true,
  parametrisation: "eps",
};
const ELEMENTS = [1, 6, 7, 8, 9];

/** A tiny EDM with random weights; returns its folder. */
async function writeTinyEdm(root: string, parametrisation = sizes.parametrisation): Promise<string> {
  const folder = join(root, "edm");
  const card: CardInput = {
    name: "edm",
    version: "test",
    description: "Random weights.",
    license: "MIT",
    kind: "edm",
    counts: "atoms",
    space,
    schedule: { type: "polynomial", power: 2, precision: 1e-5, timesteps: 1000 },
    denoiser: { type: "egnn", ...sizes, parametrisation, file: "denoiser.safetensors" },
    autoencoder: { type: "identity", elements: ELEMENTS, includeCharges: true, normalisers: [1, 4, 10] },
    sizes: { "5": 2, "6": 1 },
  };
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "card.json"), JSON.stringify(card));
  const tensors = initialValues(egnnDenoiserParameters(space, sizes), 1);
  await Deno.writeFile(join(folder, "denoiser.safetensors"), writeSafetensors(tensors));
  return folder;
}

/** Runs a round of a few updates and gives what it told. */
async function round(folder: string, to: string, updates: number, asked: Record<string, unknown>, data = true) {
  const events: RoundEvent[] = [], card = await readCard(folder);
  const settings = roundSettings.parse({ model: "edm", from: 4, to: 2, batch: 4, samples: 3, ...asked });
  const result = await runRound(settings, {
    model: { name: card.name, folder, card },
    folder: to,
    updates,
    backend: "cpu",
    ...(data ? { data: qm9 } : {}),
    onEvent: (event) => events.push(event),
  });
  return { result, events };
}

Deno.test({
  name: "runRound() distils an EDM model, and its student draws in service up to its latest time",
  ignore: noQm9,
  fn: () =>
    withFolder(async (root) => {
      const folder = await writeTinyEdm(root), to = join(root, "round");
      const { result, events } = await round(folder, to, 3, {});
      assert.deepEqual([result.finished, result.update], [true, 3]);
      assert.ok(events.every((event) => event.type !== "validated" || Number.isFinite(event.heldOut)));
      const outcome = roundResult.parse(JSON.parse(await Deno.readTextFile(join(to, "result.json"))));
      assert.deepEqual([outcome.entry?.steps, outcome.entry?.levels, outcome.entry?.variant], [2, 0, "ddim"]);
      const student = readSafetensors(await Deno.readFile(join(to, "student.safetensors")));
      const teacher = readSafetensors(await Deno.readFile(join(folder, "denoiser.safetensors")));
      assert.deepEqual([...student.keys()].sort(), [...teacher.keys()].sort());
      assert.ok(
        [...student].some(([name, { data }]) => data.some((x, i) => Math.abs(x - teacher.get(name)!.data[i]) > 1e-5)),
      );

      // Into the card by hand, then as any request has it.
      await Deno.copyFile(join(to, "student.safetensors"), join(folder, "student.safetensors"));
      const card = JSON.parse(await Deno.readTextFile(join(folder, "card.json")));
      card.distilled = [{ ...outcome.entry, file: "student.safetensors" }];
      await Deno.writeTextFile(join(folder, "card.json"), JSON.stringify(card));
      const model = await loadModel(folder, { backend: "cpu" });
      const z = new Float32Array(5 * 9).map((_, i) => Math.sin(i)), shape = { batch: 1, nodes: 5 };
      const own = await model.denoiser(2), undistilled = await model.denoiser();
      const largest = (x: Float32Array) => Math.max(...x.map(Math.abs));
      // Random weights predict a noise that is wrong by about 1: 316 of x0 at t = 1, and 12 where the student is asked.
      assert.ok(largest(await undistilled.predict(z, shape, at(1))) > 100);
      assert.ok(largest(await own.predict(z, shape, at(1))) < 40);
      model.dispose();
    }),
});

Deno.test({
  name: "runRound() teaches a smaller EGNN by knowledge, which predicts a velocity and loads as a model",
  ignore: noQm9,
  fn: () =>
    withFolder(async (root) => {
      const folder = await writeTinyEdm(root), to = join(root, "round");
      const asked = { method: "knowledge", from: 4, to: 4, width: 16, blocks: 1, name: "small" };
      const { result } = await round(folder, to, 2, asked);
      assert.ok(result.finished);
      const model = await loadModel(join(to, "model"), { backend: "cpu" });
      assert.equal(model.card.denoiser.type === "egnn" && model.card.denoiser.parametrisation, "v");
      const x0 = await (await model.denoiser()).predict(new Float32Array(45).fill(0.1), { batch: 1, nodes: 5 }, at(1));
      assert.ok(x0.every(Number.isFinite));
      model.dispose();
    }),
});

Deno.test({
  name: "runRound() distils an imported GeoLDM by posterior means, goes on where it stopped, and keeps its latents",
  ignore: noQm9 || !hasReference,
  fn: () =>
    withFolder(async (root) => {
      const folder = await importCheckpoint({ ...CHECKPOINT, name: "edm", to: root }), to = join(root, "round");
      const asked = { variant: "ddpm", from: 8, to: 4, samples: 2 };
      const { result } = await round(folder, to, 1, asked), pool = join(to, "pool.safetensors");
      assert.deepEqual([result.finished, result.update], [true, 1]);
      const before = await Deno.readFile(pool), latents = readSafetensors(before);
      assert.ok([...latents].every(([name, { shape }]) => shape[1] === 5 * Number(name.slice("nodes.".length))));
      const outcome = roundResult.parse(JSON.parse(await Deno.readTextFile(join(to, "result.json"))));
      assert.equal(outcome.entry?.variant, "ddpm");
      const more = await round(folder, to, 2, asked);
      assert.equal(more.result.update, 2);
      assert.equal(more.events.find((event) => event.type === "started")?.update, 1);
      assert.deepEqual(await Deno.readFile(pool), before);
    }),
});

Deno.test("runRound() learns from what the teacher draws where there is no data", () =>
  withFolder(async (root) => {
    // Random weights that predict noise draw no numbers that a half can hold.
    const folder = await writeTinyEdm(root, "x0"), to = join(root, "round"), before = Deno.env.get("MOLSTEP_QM9");
    Deno.env.set("MOLSTEP_QM9", join(root, "nothing"));
    try {
      const { result, events } = await round(folder, to, 1, {}, false);
      assert.ok(result.finished);
      const started = events.find((event) => event.type === "started");
      assert.match(started?.why ?? "", /8 latents drawn by the teacher \(ddpm, 100 steps\)/);
    } finally {
      if (before === undefined) Deno.env.delete("MOLSTEP_QM9");
      else Deno.env.set("MOLSTEP_QM9", before);
    }
  }));

Deno.test("runRound() says what an EGNN cannot learn", () =>
  withFolder(async (root) => {
    const folder = await writeTinyEdm(root), to = join(root, "round");
    await assert.rejects(
      round(folder, to, 1, { method: "moments", variant: "ddpm" }),
      /moments teaches pair-attention only; edm is egnn/,
    );
    await assert.rejects(
      round(folder, to, 1, { keep: [8] }),
      /an EGNN is not told its number of steps: it keeps no others/,
    );
  }));
