import assert from "node:assert/strict";
import { summarise } from "../../../chem/metrics.ts";
import { readCard } from "../../../model/models/card.ts";
import { cardTable, replaceBetween } from "../../../model/evaluation/card_table.ts";
import type { Evaluation } from "../../../model/evaluation/evaluate.ts";
import { findReference } from "../../../model/evaluation/evaluate_reference.ts";
import { evaluationsOf, recordEvaluation } from "../../../model/evaluation/record.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

/** An evaluation of four molecules, of which `stable` are stable. */
function evaluation(steps: number, stable: number, more: Record<string, unknown> = {}): Evaluation {
  const records = [0, 1, 2, 3].map((k) => (
    {
      valid: k !== 3,
      stable: k < stable,
      stableAtoms: 5,
      atoms: 5,
      connected: k !== 3,
      edmSmiles: k === 3 ? null : `${k}`,
    }
  ));
  return {
    settings: { model: "qm9", steps, sampler: "ddim", seed: 4294967295, count: 4, backend: "cpu", ...more },
    metrics: summarise(records),
    moleculesPerSecond: 12.3456789,
    seconds: 1,
    machine: { cpu: "a", cores: 2, memoryGiB: 1, os: "linux", deno: "2" },
    date: "2026-01-01T00:00:00.000Z",
    examples: ["C"],
  };
}

Deno.test("recordEvaluation() enters results by steps and replaces one of the same settings", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root);
    await recordEvaluation(folder, evaluation(16, 1));
    await recordEvaluation(folder, evaluation(8, 1));
    await recordEvaluation(folder, evaluation(16, 2));
    await recordEvaluation(folder, evaluation(16, 3, { options: { eta: 1 } }));
    await recordEvaluation(folder, evaluation(16, 4, { options: { eta: 1 }, decoding: "valence" }));
    const card = await readCard(folder), entries = evaluationsOf(card);
    assert.deepEqual(entries.map(({ settings: { steps }, metrics }) => [steps, metrics.moleculeStability.value]), [
      [8, 0.25],
      [16, 0.5],
      [16, 0.75],
      [16, 1],
    ]);
    assert.equal(entries[0].settings.seed, 4294967295);
    assert.ok(!("examples" in entries[0]));
  }));

Deno.test("cardTable() has a row for each evaluation, with intervals", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root);
    assert.match(cardTable(await readCard(folder)), /no evaluation yet/);
    await recordEvaluation(
      folder,
      evaluation(8, 2, {
        grid: { type: "power", rho: 2 },
        options: { eta: 0.5 },
        decoding: "valence",
      }),
    );
    const rows = cardTable(await readCard(folder)).split("\n");
    assert.equal(rows.length, 3);
    assert.match(rows[2], /^\| 8 \| ddim, eta 0.5, power grid rho 2 \| valence \| 4 \| 50\.0 \(15\.0 to 85\.0\) \|/);
    assert.match(rows[2], /\| 12\.3 \(cpu\) \|$/);
    // The data's own row has the strain of its molecules in the column of that name, below what was measured.
    const { statistics } = (await findReference())!, { before } = statistics.judge!.summary.strain!;
    const [head, , own, last] = cardTable(await readCard(folder), statistics).split("\n").map((row) =>
      row.split(" | ")
    );
    const place = head.findIndex((name) => name.startsWith("MMFF94 strain"));
    assert.deepEqual([last[1], last.length, own[place]], ["QM9 test", head.length, ""]);
    assert.equal(last[place], `${before.median.value.toFixed(1)} / ${before.ninety.value.toFixed(1)}`);
  }));

Deno.test("replaceBetween() leaves alone what is outside the marks, and refuses a text without them", () => {
  const text = "a\n<!-- t: begin -->\nold\n<!-- t: end -->\nb\n";
  const fresh = replaceBetween(text, "t", "new");
  assert.equal(fresh, "a\n<!-- t: begin -->\n\nnew\n\n<!-- t: end -->\nb\n");
  assert.equal(replaceBetween(fresh, "t", "new"), fresh);
  assert.throws(() => replaceBetween("a", "t", "new"), /lacks the marks/);
});
