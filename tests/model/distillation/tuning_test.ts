/** Fine-tuning: its batches, which molecules a model can learn from, and a round on a set. */
import assert from "node:assert/strict";
import { GROUPS } from "../../../chem/composition.ts";
import { makeGrid } from "../../../model/diffusion/grids.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import type { Group, Weights } from "../../../model/diffusion/learner.ts";
import { judge } from "../../../model/distillation/judge.ts";
import { acceptRound, roundOrder } from "../../../model/distillation/order.ts";
import { heavyAtomSource } from "../../../model/distillation/heavy_atom_source.ts";
import { createConsistencyLearner } from "../../../model/distillation/consistency_learner.ts";
import { classesFault, makeTuningGroups } from "../../../model/distillation/tuning.ts";
import { readCard } from "../../../model/models/card.ts";
import { packExamples, toExample } from "../../../model/networks/heavy_atom/examples.ts";
import { heavyAtomSpace, QM9_CLASSES } from "../../../model/networks/heavy_atom/space.ts";
import { lossWeights } from "../../../model/training/weights.ts";
import { ethane, methane } from "../../chem/molecules.ts";

const card = await readCard(new URL("../../../weights/qm9", import.meta.url).pathname), schedule = cosineSchedule();

Deno.test("makeTuningGroups() has the set's molecules as targets, noised to the times of the grid, as many at each, with training's weights", () => {
  const examples = packExamples([ethane(), methane()].map((one) => toExample(one, QM9_CLASSES)));
  const space = heavyAtomSpace(), grid = { type: "uniform" } as const, steps = 4;
  const source = heavyAtomSource(examples, QM9_CLASSES.length, "two molecules");
  const teacher = {
    space,
    predict: () => Promise.reject(new Error("there is no teacher to ask")),
    can: {},
    dispose() {},
  };
  const plan = { teacher, source, schedule, coupling: "independent", grid, steps } as const;
  const groups = makeTuningGroups(plan, 32, 1, 5), times = [...makeGrid(grid, steps, schedule)].slice(0, steps);
  const seen = new Map<number, number>();
  for (const { shape, z, target, alpha, sigma, weights } of groups) {
    assert.equal(z.length, target.length);
    for (let b = 0; b < shape.batch; b++) {
      const k = times.findIndex((time) => Math.abs(schedule(time).sigma - sigma[b]) < 1e-6);
      seen.set(k, (seen.get(k) ?? 0) + 1);
      assert.ok(Math.abs(alpha[b] - schedule(times[k]).alpha) < 1e-6);
      lossWeights(schedule(times[k]).sigma).forEach((weight, part) =>
        assert.ok(Math.abs(weights[3 * b + part] / weight - 1) < 1e-5)
      );
    }
    // Classes of the molecules themselves, each node's once.
    assert.ok(target.every((value) => Math.abs(value) < 4));
  }
  assert.deepEqual([...seen].sort(), [[0, 8], [1, 8], [2, 8], [3, 8]]);
  assert.deepEqual(makeTuningGroups(plan, 32, 1, 5), groups);
  assert.notDeepEqual(makeTuningGroups(plan, 32, 1, 6)[0].z, groups[0].z);
});

Deno.test("createConsistencyLearner() takes the word of the moving average at the next time, with the same noise, and the molecule itself at the last", async () => {
  const examples = packExamples([ethane(), ethane()].map((one) => toExample(one, QM9_CLASSES)));
  const source = heavyAtomSource(examples, QM9_CLASSES.length, "ethane"),
    grid = { type: "uniform" } as const,
    steps = 2;
  const teacher = {
    space: heavyAtomSpace(),
    predict: () => Promise.reject(new Error("not asked")),
    can: {},
    dispose() {},
  };
  const [group] = makeTuningGroups({ teacher, source, schedule, coupling: "independent", grid, steps }, 6, 1, 0);
  const L = group.z.length / 6, [first, last] = makeGrid(grid, steps, schedule), { rows, asked } = group.next!;
  const noiseAt = (z: Float32Array, k: number, b: number, time: number) => {
    const { alpha, sigma } = schedule(time);
    return Array.from({ length: L }, (_, i) => (z[k * L + i] - alpha * group.target[b * L + i]) / sigma);
  };
  assert.equal(rows.length, 3);
  rows.forEach((b, k) => {
    const here = noiseAt(group.z, b, b, first);
    noiseAt(asked.z, k, b, last).forEach((noise, i) => assert.ok(Math.abs(noise - here[i]) < 1e-4));
    assert.ok(Math.abs(asked.sigma[k] - schedule(last).sigma) < 1e-6);
  });
  const told: Group[][] = [], whose: Weights[] = [];
  const losses = { total: 1, parts: {} };
  const learner = createConsistencyLearner({
    backend: "paper",
    update: (groups) => Promise.resolve((told.push(groups), losses)),
    loss: (groups) => Promise.resolve((told.push(groups), losses)),
    predict: ({ z }, which) => Promise.resolve((whose.push(which), z.map(() => 7))),
    state: () => Promise.reject(new Error("not asked")),
    restore: () => Promise.reject(new Error("not asked")),
    dispose() {},
  });
  await learner.update([group], { muon: 0, adamw: 0, emaDecay: 0, clip: 1 });
  await learner.loss([group], "ema");
  const [[learned], [held]] = told;
  assert.deepEqual(whose, ["ema"]);
  assert.deepEqual(held.target, group.target);
  for (let b = 0; b < 6; b++) {
    const mine = learned.target.subarray(b * L, (b + 1) * L);
    if (rows.includes(b)) assert.ok(mine.every((value) => value === 7));
    else assert.deepEqual(mine, group.target.subarray(b * L, (b + 1) * L));
  }
});

Deno.test("classesFault() names what a model does not know", () => {
  assert.equal(classesFault(card, QM9_CLASSES), undefined);
  const fault = classesFault(card, [...QM9_CLASSES, [16, 0], [7, 0, 1]]);
  assert.equal(fault?.field, "data");
  assert.match(fault!.message, /heavy atoms that qm9 does not know: S\+0H N\(\+1\)\+0H/);
});

Deno.test("a round of finetune asks for its set, keeps the steps, and draws as the card recommends where nothing is asked", () => {
  const accept = (asked: Record<string, unknown>) =>
    acceptRound(card, roundOrder.parse({ method: "finetune", ...asked })).settings;
  const fault = (asked: Record<string, unknown>, message: RegExp) => assert.throws(() => accept(asked), message);
  fault({}, /data must name the set that finetune learns from; got none/);
  fault({ data: "mine", method: "matching" }, /data is for finetune/);
  fault({ data: "mine", from: 16, to: 8 }, /to must be from's 16, as finetune keeps the number of steps; got 8/);
  fault({ data: "mine", keep: [4] }, /keep is not for finetune/);
  const { from, to, variant, grid, options, clamp } = accept({ data: "mine" }),
    recommended = card.recommended.find(({ steps }) => steps === 16)!;
  assert.deepEqual([from, to, variant], [16, 16, recommended.sampler]);
  assert.deepEqual({ grid, options, clamp }, {
    grid: recommended.grid,
    options: recommended.options,
    clamp: recommended.clamp,
  });
  const own = accept({ data: "mine", to: 8, variant: "ddim", grid: { type: "uniform" } });
  assert.deepEqual([own.from, own.variant, own.grid, own.options, own.clamp], [8, "ddim", { type: "uniform" }, {}, 0]);
});

Deno.test("judge() does not count another composition against a student that was to have one", () => {
  const rate = (value: number) => ({ value, low: value, high: value, n: 1000 });
  const drawn = (share: number) => ({
    ...{ steps: 16, moleculeStability: rate(0.9), validity: rate(1), validUnique: rate(0.9) },
    composition: Object.fromEntries(Object.keys(GROUPS).map((name) => [name, rate(share)])),
  } as unknown as Parameters<typeof judge>[1]);
  assert.equal(judge({ accept: 5, method: "rollout" }, drawn(0.5), drawn(0.1)).accepted, false);
  assert.equal(judge({ accept: 5, method: "finetune" }, drawn(0.5), drawn(0.1)).accepted, true);
});
