import assert from "node:assert/strict";
import { parseCard, readCard } from "../../../../model/models/card.ts";
import { PAPER_STEPS, planRows, rowCount, workOf } from "../../../../model/evaluation/reproduce/plan.ts";
import { studentsOf } from "../../../../model/evaluation/reproduce/students.ts";
import { withFolder, writeTinyModel } from "../../tiny_model.ts";

const entry = { steps: 8, file: "a.safetensors", variant: "ddim", teacher: "qm9", version: "s1" } as const;
const recommended = {
  steps: 8,
  sampler: "consistency",
  grid: { type: "power", rho: 2 },
  options: {},
  clamp: 0.2,
} as const;

/** The tiny model's card with these changes. */
const withCard = (changes: object, test: (card: Awaited<ReturnType<typeof readCard>>, folder: string) => void) =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(root);
    test(parseCard({ ...await readCard(folder), ...changes }), folder);
  });

Deno.test("planRows() has the teacher by three samplers at the papers' steps, alone with the network, cheapest first", () =>
  withCard({}, (card) => {
    const rows = planRows(card, []);
    assert.equal(rows.length, 3 * 11);
    assert.deepEqual(new Set(rows.map(({ request }) => request.settings.steps)), new Set(PAPER_STEPS));
    for (const { request: { count, seed, settings }, version } of rows) {
      assert.deepEqual([count, seed, version, settings.grid.type], [10_000, 1, "test", "uniform"]);
      assert.deepEqual([settings.decoding, settings.clamp, settings.options], ["argmax", 0, {}]);
    }
    const work = rows.map(workOf);
    assert.deepEqual(work, work.toSorted((a, b) => a - b));
  }));

Deno.test("planRows() lets dear rows have fewer molecules when work is limited", () =>
  withCard({}, (card) => {
    const rows = planRows(card, [], { count: 100, maxWork: 1000, steps: [1000, 63, 8], samplers: ["ddim"] });
    assert.deepEqual(rows.map(({ request: { count, settings } }) => [settings.steps, count]), [
      [8, 100],
      [63, 15],
      [1000, 1],
    ]);
    assert.deepEqual(
      planRows(card, [], { count: 40, maxWork: 2520 }).map(({ request: { settings } }) => settings.steps),
      PAPER_STEPS.toReversed().flatMap((steps) => [steps, steps, steps]),
      "in the order of steps where work is levelled",
    );
    assert.equal(rowCount(100, 1000, 1), 1);
    assert.throws(() => planRows(card, [], { count: 0 }), /count must be a positive integer; got 0/);
    assert.throws(() => planRows(card, [], { maxWork: 0 }), /at least 1; got 0/);
  }));

Deno.test("planRows() adds the setting recommended for exactly these steps", () =>
  withCard({ recommended: [recommended] }, (card) => {
    const of = (steps: number) =>
      planRows(card, [], { steps: [steps], count: 5 }).filter(({ kind }) => kind === "recommended");
    assert.equal(of(16).length, 0);
    const [{ request: { settings } }] = of(8);
    assert.deepEqual([settings.sampler, settings.grid, settings.clamp], ["consistency", recommended.grid, 0.2]);
  }));

Deno.test("planRows() samples students as their entries say, and unclamped, two of one number of steps each by its own", () => {
  const clamped = { ...entry, clamp: 0.2, variant: "ddpm", version: "s2", file: "b.safetensors" };
  return withCard({ distilled: [entry], recommended: [recommended] }, (card, folder) => {
    const [ofRound] = studentsOf({ card: parseCard({ ...card, distilled: [clamped] }), folder });
    const all = [...studentsOf({ card, folder }), { ...ofRound, shipped: false }];
    const rows = planRows(card, all, { steps: [8, 4], count: 5 });
    const students = rows.filter(({ kind }) => kind === "student").map(({ version, request: { settings } }) => [
      version,
      settings.sampler,
      settings.algorithm,
      settings.clamp,
      settings.steps,
    ]);
    assert.deepEqual(students, [
      ["s1", "distilled", "ddim", 0, 8],
      ["s2", "distilled", "ddpm", 0.2, 8],
      ["s2", "distilled", "ddpm", 0, 8],
    ]);
    const [best] = rows.filter(({ kind }) => kind === "recommended");
    assert.equal(
      best.request.settings.sampler,
      "consistency",
      "the best undistilled setting, whatever students there are",
    );
  });
});
