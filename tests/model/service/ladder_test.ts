import assert from "node:assert/strict";
import { RESULT } from "../../../model/distillation/result.ts";
import type { RoundSettings } from "../../../model/distillation/settings.ts";
import type { ModelEntry } from "../../../model/models/overlay.ts";
import { readCard } from "../../../model/models/card.ts";
import { runLadder } from "../../../model/service/ladder.ts";

Deno.test("runLadder() does not run a finished round again, and says whose it is", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const rate = { value: 0.5, low: 0.4, high: 0.6, n: 100 };
    const drawn = { steps: 4, moleculeStability: rate, atomStability: rate, validity: rate, validUnique: rate };
    const outcome = { method: "rollout", accepted: true, why: "", entry: null, also: [] };
    await Deno.writeTextFile(
      `${folder}/${RESULT}`,
      JSON.stringify({ ...outcome, judged: { student: drawn, teacher: drawn } }),
    );
    const told: string[] = [], settings = { method: "rollout", from: 8, to: 4, keep: [] as number[] } as RoundSettings;
    const options = { folderOf: () => folder, model: {} as ModelEntry, onEvent: () => assert.fail("a round ran") };
    const done = await runLadder(settings, {
      ...options,
      onRound: () => assert.fail("a round was announced"),
      onFinished: ({ from, to }, folder) => told.push(`${from} ${to} ${folder}`),
    });
    assert.ok(done);
    assert.deepEqual(told, [`8 4 ${folder}`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("runLadder() goes on with the variant's own steps where a student teaches, whichever solver taught it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const rate = { value: 0.5, low: 0.4, high: 0.6, n: 100 };
    const drawn = { steps: 4, moleculeStability: rate, atomStability: rate, validity: rate, validUnique: rate };
    const outcome = { method: "progressive", accepted: true, why: "", entry: null, also: [] };
    await Deno.writeTextFile(
      `${folder}/${RESULT}`,
      JSON.stringify({ ...outcome, judged: { student: drawn, teacher: drawn } }),
    );
    const card = await readCard(new URL("../../../weights/qm9", import.meta.url).pathname), told: unknown[] = [];
    const plain = { method: "progressive", from: 16, to: 8, variant: "ddim", keep: [], grid: { type: "uniform" } };
    await runLadder({ ...plain, solver: "dpm-solver++" } as unknown as RoundSettings, {
      folderOf: () => folder,
      model: { card, folder } as ModelEntry,
      ladder: 4,
      onEvent: () => assert.fail("a round ran"),
      onFinished: ({ from, to, solver }) => told.push([from, to, solver]),
    });
    assert.deepEqual(told, [[16, 8, "dpm-solver++"], [8, 4, undefined]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
