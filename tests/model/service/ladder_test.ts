import assert from "node:assert/strict";
import { RESULT } from "../../../model/distillation/result.ts";
import type { RoundSettings } from "../../../model/distillation/settings.ts";
import type { ModelEntry } from "../../../model/models/overlay.ts";
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
