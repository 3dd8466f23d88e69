import assert from "node:assert/strict";
import { join } from "node:path";
import { readCard } from "../../../model/models/card.ts";
import { writeSafetensors } from "../../../model/diffusion/safetensors.ts";
import { sha256Of } from "../../../model/models/weights.ts";
import { recordRound, studentFile } from "../../../model/distillation/record.ts";
import type { RoundOutcome } from "../../../model/distillation/result.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

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
