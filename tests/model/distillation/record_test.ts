import assert from "node:assert/strict";
import { join } from "node:path";
import { readCard } from "../../../model/models/card.ts";
import { writeSafetensors } from "../../../model/diffusion/safetensors.ts";
import { LARGEST_ERROR } from "../../../model/models/scaled.ts";
import { readWeights, readWeightsFile, sha256Of } from "../../../model/models/weights.ts";
import { widened } from "../../../model/networks/pair_attention/levels.ts";
import { recordRound, studentFile } from "../../../model/distillation/record.ts";
import type { RoundOutcome } from "../../../model/distillation/result.ts";
import { near, withFolder, writeTinyModel } from "../tiny_model.ts";

const rate = { value: 0.5, low: 0.4, high: 0.6, n: 10 };
const drawn = (steps: number) => ({
  steps,
  moleculeStability: rate,
  atomStability: rate,
  validity: rate,
  validUnique: rate,
});
const entry = (steps: number, version: string) => ({
  steps,
  levels: 8,
  variant: "ddpm" as const,
  teacher: "qm9 1",
  version,
  grid: { type: "uniform" as const },
  options: {},
  clamp: 0,
});
const outcome = (version: string, ...[first, ...others]: number[]): RoundOutcome => ({
  method: "moments",
  accepted: true,
  why: "",
  entry: entry(first, version),
  also: others.map((steps) => entry(steps, version)),
  judged: { student: drawn(first), teacher: drawn(128) },
});

Deno.test("recordRound() enters a student at all steps that it serves, and removes weights that no entry names", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), round = join(root, "round");
    await Deno.mkdir(round);
    const weights = (value: number) => writeSafetensors(new Map([["w", { shape: [1], data: Float32Array.of(value) }]]));
    const first = weights(1), second = weights(2);
    await Deno.writeFile(join(round, "student.safetensors"), first);
    await recordRound(folder, round, outcome("a", 8, 16, 4));
    let { distilled } = await readCard(folder);
    assert.deepEqual(distilled.map(({ steps, file, version }) => [steps, file, version]), [
      [4, "steps-16-8-4.safetensors", "a"],
      [8, "steps-16-8-4.safetensors", "a"],
      [16, "steps-16-8-4.safetensors", "a"],
    ]);
    assert.deepEqual(await Deno.readFile(join(folder, studentFile([4, 8, 16]))), first);
    assert.ok(distilled.every(({ sha256 }) => sha256 === sha256Of(first)));

    await Deno.writeFile(join(round, "student.safetensors"), second);
    await recordRound(folder, round, outcome("b", 8));
    ({ distilled } = await readCard(folder));
    assert.deepEqual(distilled.map(({ steps, version }) => [steps, version]), [[4, "a"], [8, "b"], [16, "a"]]);
    assert.deepEqual(distilled.map(({ sha256 }) => sha256), [first, second, first].map(sha256Of));
    await recordRound(folder, round, outcome("c", 4, 16));
    const files = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(files, ["card.json", "denoiser.safetensors", "steps-16-4.safetensors", "steps-8.safetensors"]);
    await assert.rejects(recordRound(folder, round, { ...outcome("d", 4), entry: null }), /a model of its own/);
    await Deno.writeFile(join(round, "student.safetensors"), weights(NaN));
    await assert.rejects(recordRound(folder, round, outcome("e", 4)), /student\.safetensors: finite weights asked/);
    assert.equal((await readCard(folder)).distilled[0].version, "c");
  }));

Deno.test("recordRound() writes a student as differences from its model's denoiser, under a version of its own", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root), round = join(root, "round");
    await Deno.mkdir(round);
    const base = await readWeights(join(folder, "denoiser.safetensors")), student = widened(near(base, 1), 8);
    await Deno.writeFile(join(round, "student.safetensors"), writeSafetensors(student, { dtype: "F16" }));
    await recordRound(folder, round, outcome("a", 8, 4));
    const { distilled } = await readCard(folder), path = join(folder, studentFile([8, 4]));
    const found = await readWeightsFile(path);
    assert.equal(found.base?.file, "denoiser.safetensors");
    const entries = distilled.map(({ steps, version, sha256 }) => [steps, version, sha256]);
    assert.deepEqual(entries, [4, 8].map((steps) => [steps, found.sha256.slice(0, 8), found.sha256]));
    for (const [name, { data }] of await readWeights(join(round, "student.safetensors"))) {
      const error = Math.hypot(...data.map((value, i) => found.tensors.get(name)!.data[i] - value));
      assert.ok(error <= LARGEST_ERROR * Math.hypot(...data), name);
    }
    // A student of such a student is one of the same denoiser.
    const next = near(found.tensors, 2);
    await Deno.writeFile(join(round, "student.safetensors"), writeSafetensors(next, { dtype: "F16" }));
    await recordRound(folder, round, outcome("b", 2));
    assert.deepEqual((await readWeightsFile(join(folder, studentFile([2])))).base, found.base);
  }));
