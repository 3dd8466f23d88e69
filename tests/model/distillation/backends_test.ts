/**
 * One small round on each backend, each in a process of its own as the service runs it: TensorFlow and a software Vulkan
 * driver do not bear one another.
 */
import assert from "node:assert/strict";
import { at } from "../../conditions.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addonPath, defaultTensorflowFolder } from "../../../model/engines/tensorflow/tensorflow.ts";
import { readCard } from "../../../model/models/card.ts";
import { type RoundEvent, roundEvent } from "../../../model/distillation/events.ts";
import { readOutcome, withRound } from "../../../model/distillation/result.ts";
import { roundSettings } from "../../../model/distillation/settings.ts";
import { loadModel } from "../../../model/models/load.ts";
import type { ModelEntry } from "../../../model/models/overlay.ts";
import { LEVELS, widened } from "../../../model/networks/pair_attention/levels.ts";
import { readSafetensors } from "../../../model/diffusion/safetensors.ts";
import { loadCheckpoint } from "../../../model/training/checkpoint.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";
import { hasCompiler } from "../engines/c/compiler.ts";

const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));

/** Large enough that three updates, in the midst of the warm-up, move weights by more than rounding. */
const settings = roundSettings.parse({
  model: "qm9",
  from: 8,
  to: 4,
  batch: 6,
  samples: 4,
  accept: 100,
  learningRate: 0.2,
  precision: "f32", // it is the backends that are compared
});

/** Tensors by name. */
type Weights = ReadonlyMap<string, { readonly data: Float32Array }>;

/** A finished round. */
interface Round {
  readonly events: RoundEvent[];
  /** The student's weights at the end, float32. */
  readonly weights: Weights;
}

/** Runs three updates without QM9, so that the teacher draws what is learned from. */
async function roundOn(backend: string, { folder: model }: ModelEntry, folder: string): Promise<Round> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", MAIN, "distill", "--model", model, "--folder", folder, "--settings", JSON.stringify(settings)],
      ...["--updates", "3", "--checkpoint-seconds", "1e-9", "--backend", backend, "--events"],
    ],
    env: { MOLSTEP_QM9: "/nowhere" },
    stdin: "piped", // a worker ends with its stdin, which stays open here
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  assert.equal(code, 0, `${backend}: ${text(stdout).split("\n").at(-1)} ${text(stderr).slice(-1000)}`);
  const events = text(stdout).split("\n").map((line) => roundEvent.parse(JSON.parse(line)));
  const { state } = (await loadCheckpoint(folder))!;
  const weights = [...state.tensors].flatMap(([key, tensor]) =>
    key.startsWith("params/") ? [[key.slice("params/".length), tensor] as const] : []
  );
  return { events, weights: new Map(weights) };
}

/** |a - b| / |b - start|, Euclidean over all weights: the difference as a share of what was learned. */
function difference(a: Weights, b: Weights, start: Weights): number {
  assert.deepEqual([...a.keys()].sort(), [...b.keys()].sort());
  let apart = 0, moved = 0;
  for (const [name, { data }] of b) {
    const other = a.get(name)!.data, first = start.get(name)!.data;
    assert.equal(other.length, data.length);
    data.forEach((value, i) => {
      apart += (other[i] - value) ** 2;
      moved += (value - first[i]) ** 2;
    });
  }
  assert.ok(moved > 0, "nothing was learned");
  return Math.sqrt(apart / moved);
}

/** Asked for in a process of its own, as the driver stays in the process that asks. */
const hasAdapter = await (async () => {
  const asks = "console.log(Boolean(await navigator.gpu?.requestAdapter()))";
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", asks], stderr: "null" }).output();
  return new TextDecoder().decode(stdout).trim() === "true";
})();

/** Each backend, whether it is here, and what it needs. */
const BACKENDS = [
  ["native", hasCompiler, "a C compiler"],
  ["tensorflow", existsSync(addonPath(defaultTensorflowFolder())), "its addon"],
  ["webgpu", hasAdapter, "an adapter"],
] as const;

/** The student that a round left draws, can be served, and is not its teacher. */
async function checkStudent(model: ModelEntry, folder: string): Promise<void> {
  const outcome = (await readOutcome(folder))!;
  assert.deepEqual([outcome.entry?.steps, outcome.judged.student.moleculeStability.n], [4, 4]);
  const served = await loadModel(withRound(model, folder, outcome), { backend: "cpu" });
  try {
    const shape = { batch: 1, nodes: 3 }, z = Float32Array.from({ length: 99 }, (_, i) => Math.sin(i));
    const student = await (await served.denoiser(4)).predict(z, shape, at(0.5));
    const teacher = await (await served.denoiser()).predict(z, shape, at(0.5));
    assert.ok(student.every(Number.isFinite));
    assert.notDeepEqual(student, teacher);
  } finally {
    served.dispose();
  }
}

Deno.test("distill learns on every backend what TensorFlow.js's own kernels learn, and its students draw", (t) =>
  withFolder(async (root) => {
    const at = await writeTinyModel(root, { recommended: [{ steps: 4, sampler: "ddpm" }] });
    const model: ModelEntry = { name: "qm9", folder: at, card: await readCard(at) };
    const start = widened(readSafetensors(await Deno.readFile(join(at, "denoiser.safetensors"))), LEVELS);
    const { weights } = await roundOn("cpu", model, join(root, "cpu"));

    for (const [backend, there, needs] of BACKENDS) {
      await t.step({
        name: there ? backend : `${backend}, skipped: ${needs} is not here`,
        ignore: !there,
        async fn() {
          const folder = join(root, backend), { events, weights: found } = await roundOn(backend, model, folder);
          const types = events.map(({ type }) => type).filter((type) => type !== "saved" && type !== "progress");
          assert.deepEqual(types, ["started", "validated", "validated", "judged", "finished"]);
          const [started] = events;
          assert.ok(started.type === "started" && started.backend === backend);
          const apart = difference(found, weights, start);
          if (Deno.env.get("MOLSTEP_TEST_PRINT")) console.log(`${backend}: ${apart.toExponential(1)}`);
          assert.ok(apart <= 1e-3, `${backend} and cpu differ by ${apart} of what was learned`);
          await checkStudent(model, folder);
        },
      });
    }
  }));
