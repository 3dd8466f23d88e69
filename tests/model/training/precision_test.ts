/** Training by products of 16 bits: the first losses of a run, and what it leaves. */
import assert from "node:assert/strict";
import { relativeDifference } from "../../../bench/statistics.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import type { Rates } from "../../../model/diffusion/learner.ts";
import { random } from "../../../model/diffusion/random.ts";
import { createNativeLearner } from "../../../model/engines/c/native_learner.ts";
import { openLearner } from "../../../model/engines/open_learner.ts";
import type { PrecisionChoice } from "../../../model/engines/runtimes.ts";
import { loadModel } from "../../../model/models/load.ts";
import { makeGroups } from "../../../model/training/batches.ts";
import { loadCheckpoint } from "../../../model/training/checkpoint.ts";
import { exportModel } from "../../../model/training/export.ts";
import { RUN_SCHEDULE, runSchedule, runSettings, runSpace } from "../../../model/training/settings.ts";
import { train } from "../../../model/training/train.ts";
import { at } from "../../conditions.ts";
import { hasCompiler } from "../engines/c/compiler.ts";
import { kernelHere, kernelsHere, NARROW } from "../engines/c/narrow.ts";
import { withFolder } from "../tiny_model.ts";
import { smallExamples } from "./molecules.ts";

const settings = runSettings.parse({ model: "tiny", width: 64, blocks: 2, batch: 16, seed: 3 });
const setup = { space: runSpace(), sizes: { width: settings.width, blocks: settings.blocks }, seed: settings.seed };
const rates: Rates = { muon: 0.02, adamw: 2e-3, emaDecay: 0.9, clip: 10 };
const open = (precision: PrecisionChoice) => createNativeLearner({ ...setup, threads: 2, precision });
const groupsAt = (update: number) =>
  makeGroups({ ...settings, examples: smallExamples(), update, schedule: runSchedule() });

/** Losses of the first ten updates in f32. */
// deno-fmt-ignore
const LOSSES = [
  6.660000, 6.308725, 6.028532, 5.897494, 5.926354, 5.555344, 5.782140, 5.753614, 5.321545, 5.164011,
];

async function firstLosses(precision: PrecisionChoice): Promise<number[]> {
  const learner = open(precision), losses: number[] = [];
  try {
    for (let update = 0; update < LOSSES.length; update++) {
      losses.push((await learner.update(groupsAt(update), rates)).total);
    }
    return losses;
  } finally {
    learner.dispose();
  }
}

const largest = (values: readonly number[], others: readonly number[]) =>
  Math.max(...values.map((value, k) => Math.abs(value / others[k] - 1)));

Deno.test({
  name: "the first ten losses of a run are those that they were",
  ignore: !hasCompiler,
  async fn() {
    const apart = largest(await firstLosses("f32"), LOSSES);
    assert.ok(apart < 2e-5, `${apart}`);
  },
});

/** Three times the largest difference that AVX512-FP16 and AVX512-BF16 made. */
const APART = { f16: 4e-5, bf16: 2e-4 } as const;

for (const precision of NARROW) {
  const kernel = kernelHere(precision);
  Deno.test({
    name: `the first ten losses of a run in ${precision} are those of single precision but for rounding`,
    ignore: !kernel,
    async fn() {
      const losses = await firstLosses(precision), apart = largest(losses, await firstLosses("f32"));
      if (Deno.env.get("MOLSTEP_TEST_PRINT")) console.log(precision, apart);
      assert.ok(apart > 0 && apart < APART[precision], `${apart}`);
    },
  });

  Deno.test({
    name:
      `a run in ${precision} goes on in f32, says so in its card, and its weights give the same on both CPU engines`,
    ignore: !kernel,
    fn: () =>
      withFolder(async (root) => {
        const folder = `${root}/run`;
        const run = async (precision: PrecisionChoice, updates: number) => {
          const learner = open(precision);
          try {
            const told = { ...settings, schedule: RUN_SCHEDULE, sizes: { "3": 1, "4": 1 } }, resume = updates > 3;
            return await train({ learner, makeGroups: groupsAt, folder, updates, settings: told, resume });
          } finally {
            learner.dispose();
          }
        };
        const backends = [`native (${kernel!.name})`, "native"];
        assert.deepEqual((await run(precision, 3)).backends, backends.slice(0, 1));
        await exportModel(folder, `${root}/tiny`);
        const shape = { batch: 5, nodes: 4 }, streams = Array.from({ length: 5 }, (_, b) => random(5, b));
        const z = drawNoise(setup.space, shape, streams), estimates: number[][] = [];
        for (const backend of ["native", "wasm"] as const) {
          const model = await loadModel(`${root}/tiny`, { backend, threads: 1 });
          try {
            assert.equal(model.card.training.backend, backends[0]);
            assert.equal(model.backend.name, backend);
            estimates.push([...await (await model.denoiser()).predict(z, shape, at(0.5))]);
          } finally {
            model.dispose();
          }
        }
        const apart = relativeDifference(estimates[0], estimates[1]);
        assert.ok(apart < 1e-5, `${apart}`);
        assert.deepEqual((await run("f32", 5)).backends, backends);
        assert.deepEqual((await loadCheckpoint(folder))!.backends, backends);
      }),
  });
}

Deno.test("openLearner() refuses to train in 16 bits where it is f32 that a backend trains in, and names the one that does", async () => {
  for (const choice of ["webgpu", "tensorflow", "cpu"] as const) {
    await assert.rejects(
      () => openLearner(choice, { ...setup, precision: "f16" }),
      new RangeError(`training in f16 needs the backend native; ${choice} trains in f32`),
    );
  }
  const { learner } = await openLearner("cpu", { ...setup, precision: "auto" });
  assert.equal(learner.backend, "cpu");
  learner.dispose();
});

Deno.test({
  name: "openLearner() tells the kernel that it trains with, on auto the fastest",
  ignore: !hasCompiler,
  async fn() {
    const expected = kernelsHere.find(({ faster }) => faster) ?? kernelHere("f32")!;
    const { learner, why } = await openLearner("native", { ...setup, precision: "auto" });
    assert.equal(learner.backend, expected.precision === "f32" ? "native" : `native (${expected.name})`);
    assert.equal(why, `the native engine, products ${expected.name}`);
    learner.dispose();
  },
});
