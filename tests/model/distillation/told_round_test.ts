/** Whole rounds of models that are told properties. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { PROPERTIES } from "../../../chem/properties.ts";
import { acceptRound, roundOrder } from "../../../model/distillation/order.ts";
import { MODEL, readOutcome, withRound } from "../../../model/distillation/result.ts";
import { runRound } from "../../../model/distillation/run.ts";
import { draw } from "../../../model/generation/generate.ts";
import { acceptOrder } from "../../../model/generation/order.ts";
import { readCard } from "../../../model/models/card.ts";
import { loadModel } from "../../../model/models/load.ts";
import type { ModelEntry } from "../../../model/models/overlay.ts";
import { hasCompiler } from "../engines/c/compiler.ts";
import { noQm9 } from "../networks/heavy_atom/qm9_folder.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";
import { withoutQm9 } from "../without_qm9.ts";

const conditions = (["alpha", "gap", "homo", "lumo", "mu", "cv"] as const).map((name) => ({
  ...{ name, unit: PROPERTIES[name].unit, mean: 5, deviation: 2 },
  range: [1, 9] as [number, number],
}));
const denoiser = { type: "pair-attention" as const, width: 16, blocks: 1, conditions, file: "denoiser.safetensors" };

const entryAt = async (folder: string): Promise<ModelEntry> => {
  const card = await readCard(folder);
  return { name: card.name, folder, card };
};

/** A round of a few updates. */
async function round(model: ModelEntry, folder: string, asked: Record<string, unknown>) {
  const order = roundOrder.parse({ batch: 8, samples: 4, accept: 100, learningRate: 0.05, updates: 3, ...asked });
  const { settings, limits: { updates } } = acceptRound(model.card, order);
  await runRound(settings, {
    model,
    folder,
    updates,
    backend: "native",
    threads: 1,
    checkpointSeconds: 0,
    onEvent() {},
  });
  return (await readOutcome(folder))!;
}

/** Positions that a model draws for a gap, guided so. */
async function drawn(model: ModelEntry, steps: number, asked: object): Promise<string> {
  const loaded = await loadModel(model, { backend: "native", threads: 1 });
  try {
    const request = acceptOrder(model.card, { count: 2, seed: 3, steps, ...asked }), all: number[][] = [];
    for await (const { molecules } of draw(loaded, request)) {
      all.push(...molecules.map(({ positions }) => [...positions]));
    }
    assert.ok(all.flat().every(Number.isFinite));
    return JSON.stringify(all);
  } finally {
    loaded.dispose();
  }
}

Deno.test({
  name:
    "runRound() of a model that is told properties leaves students that are asked for them and told how far, stage by stage",
  ignore: noQm9 || !hasCompiler,
  fn: () =>
    withFolder(async (root) => {
      const model = await entryAt(await writeTinyModel(root, { name: "told", denoiser }));
      // Guided latent consistency: straight from a teacher that is guided from two estimates.
      const guidance = { first: 0, last: 3 }, direct = { method: "consistency", from: 8, to: 4, keep: [2], guidance };
      const outcome = await round(model, join(root, "direct"), direct);
      const { entry, also } = outcome;
      assert.deepEqual([entry!.conditions, entry!.guidance, entry!.levels, also[0].guidance], [
        true,
        guidance,
        3,
        guidance,
      ]);
      const served = withRound(model, join(root, "direct"), outcome), condition = { gap: 7 };
      const differ = new Set(
        await Promise.all(
          [{}, { condition }, { condition: { gap: 2 } }, { condition, guidance: 3 }].map((one) =>
            drawn(served, 4, one)
          ),
        ),
      );
      assert.equal(differ.size, 4);
      // In two stages: a model that is told its scales, and students of it.
      await round(model, join(root, "stage"), { method: "guided", name: "told-guided", guidance });
      const guided = await entryAt(join(root, "stage", MODEL));
      assert.deepEqual(guided.card.denoiser.type === "pair-attention" && guided.card.denoiser.guidance, guidance);
      assert.notEqual(await drawn(guided, 4, { condition, guidance: 3 }), await drawn(guided, 4, { condition }));
      const second = await round(guided, join(root, "second"), { method: "progressive", from: 4 });
      assert.deepEqual([second.entry!.conditions, second.entry!.guidance], [true, guidance]);
      const both = withRound(guided, join(root, "second"), second);
      assert.notEqual(await drawn(both, 2, { condition, guidance: 3 }), await drawn(both, 2, { condition }));
    }),
});

Deno.test("runRound() of a model that is told properties needs the data set that has them", () =>
  withFolder((root) =>
    withoutQm9(async () => {
      const model = await entryAt(await writeTinyModel(root, { name: "told", denoiser }));
      await assert.rejects(
        round(model, join(root, "none"), { method: "progressive", from: 4 }),
        /told is told alpha, gap, homo, lumo, mu, cv: its students learn from the data set qm9, which is not there/,
      );
    })
  ));
