/** Guided distillation: students that are told properties and how far to be guided, where the guided estimate and its probability flow are known. */
import assert from "node:assert/strict";
import { conditioned } from "../../../model/diffusion/condition.ts";
import { gridAtSteps, makeGrid } from "../../../model/diffusion/grids.ts";
import type { Group, Learner } from "../../../model/diffusion/learner.ts";
import { random } from "../../../model/diffusion/random.ts";
import { ddimStep } from "../../../model/diffusion/samplers/ddim.ts";
import { applyStep } from "../../../model/diffusion/samplers/mod.ts";
import { makeRoundGroups } from "../../../model/distillation/batches.ts";
import { type ConsistencyPlan, makeConsistencyGroups } from "../../../model/distillation/consistency_batches.ts";
import { createConsistencyLearner } from "../../../model/distillation/consistency_learner.ts";
import { consistency } from "../../../model/distillation/methods/consistency.ts";
import { guided } from "../../../model/distillation/methods/guided.ts";
import type { MethodSettings } from "../../../model/distillation/methods/method.ts";
import { makeRolloutGroups } from "../../../model/distillation/methods/rollout.ts";
import type { RoundParts } from "../../../model/distillation/round.ts";
import { NOTHING_TOLD } from "../../../model/training/conditions.ts";
import { exact, exactAt, FIRST, guidedFlow, LENGTH, polynomials, schedule, SLOPE, sourceOf } from "./told_numbers.ts";

const SCALES = { first: 0, last: 3 }, MIDDLE = 1.5, rates = { muon: 1, adamw: 1, emaDecay: 0, clip: 1 };

/** The first number of molecule b. */
const numberOf = (z: Float32Array, b: number) => z[b * LENGTH + FIRST];

/** The guided estimate u + w (c - u) in its place. */
function guidedEstimate(z: number, time: number, c: number, w: number): number {
  const told = exactAt(time, true), untold = exactAt(time, false);
  const [given, none] = [told.gain * z + told.lift * c, untold.gain * z];
  return none + w * (given - none);
}

/** What a learner says of one z. */
async function said(learner: Learner, z: number, time: number, told: { c: number; w: number } | undefined) {
  const condition = { time, steps: 4, ...told && { properties: { gap: told.c }, guidance: told.w } };
  const all = new Float32Array(LENGTH).fill(z, FIRST);
  const asked = { shape: { batch: 1, nodes: 1 }, z: all, ...conditioned([condition], schedule) };
  return numberOf(await learner.predict!(asked, "ema"), 0);
}

Deno.test("tellOf() tells properties to all but 15 %, and to those a scale that is uniform in its range; nothing is guided without one", () => {
  const [{ conditions }] = sourceOf(SCALES).draw(4000, random(3));
  const told = conditions!.filter(({ properties }) => properties), w = told.map(({ guidance }) => guidance!);
  assert.ok(Math.abs(1 - told.length / 4000 - NOTHING_TOLD) < 0.02);
  assert.ok(conditions!.every(({ properties, guidance }) => (properties === undefined) === (guidance === undefined)));
  const mean = w.reduce((a, b) => a + b) / w.length, square = w.reduce((a, b) => a + (b - 1.5) ** 2, 0) / w.length;
  assert.ok(
    Math.min(...w) >= 0 && Math.max(...w) <= 3 && Math.abs(mean - 1.5) < 0.05 && Math.abs(square - 0.75) < 0.05,
  );
});

/** A round's parts, as far as a method of one network looks at them, and its settings. */
const partsOf = (learner: Learner) =>
  ({
    schedule,
    learner,
    coupling: "independent",
    teacher: { denoiser: exact(), name: "exact" },
    network: { type: "pair-attention" },
    source: sourceOf(SCALES),
    heldOut: sourceOf(SCALES),
  }) as unknown as RoundParts;

const settings = { from: 32, to: 32, keep: [], batch: 256, seed: 1, guidance: SCALES } as unknown as MethodSettings;

Deno.test("guided learns u + w (c - u) for normal data at every time, and what is said without properties where none are told", async () => {
  const grid = 16, student = polynomials(MIDDLE), { trainGroups } = guided.learning(partsOf(student), settings);
  let targets = 0;
  for (let update = 0; update < 12; update++) {
    for (const group of await trainGroups(update) as Group[]) {
      group.conditions.forEach(({ time, properties, guidance }, b) => {
        const want = properties
          ? guidedEstimate(numberOf(group.z, b), time, properties.gap!, guidance!)
          : exactAt(time, false).gain * numberOf(group.z, b);
        assert.ok(Math.abs(numberOf(group.target, b) - want) < 1e-4 * Math.max(1, Math.abs(want)));
        targets++;
      });
      // The student's functions are of some times alone: those that a molecule's is nearest to.
      const near = group.conditions.map((one) => ({ ...one, time: Math.ceil(one.time * grid) / grid - 0.5 / grid }));
      const asked = { shape: group.shape, z: group.z, ...conditioned(near, schedule) };
      const target = await exact().predict(group.z, group.shape, near);
      await student.update([{ ...group, ...asked, target }], rates);
    }
  }
  assert.equal(targets, 12 * 256);
  for (const time of [0.5 / grid, 7.5 / grid, 14.5 / grid]) {
    for (const [c, w] of [[1, 0], [1, 1], [-0.7, 2.4], [1.4, 3]]) {
      const want = guidedEstimate(0.8, time, c, w);
      assert.ok(Math.abs(await said(student, 0.8, time, { c, w }) - want) < 0.01, `t ${time}, c ${c}, w ${w}`);
    }
    assert.ok(Math.abs(await said(student, 0.8, time, undefined) - 0.8 * exactAt(time, false).gain) < 0.01);
  }
});

/** A grid of even log-SNRs, which begins where a normal draw is all but a noisy molecule. */
const EVEN = { type: "logSnr", start: { logSnr: -3, spread: 1 }, last: 5 } as const;

/** The times of so many steps, of a student of 4. */
const timesOf = (steps: number) => makeGrid(gridAtSteps(EVEN, 4, steps, schedule), steps, schedule);

const planOf = (more: Partial<ConsistencyPlan> = {}): ConsistencyPlan => ({
  schedule,
  source: sourceOf(SCALES),
  coupling: "independent",
  teacher: exact(),
  teacherSteps: 24,
  grid: EVEN,
  serves: [4],
  startOf: () => undefined,
  solver: "dpm-solver++",
  skip: 1,
  boundary: "teacher",
  ...more,
});

Deno.test("consistency with scales learns where the guided probability flow ends for normal data, for any property and scale and for none", async () => {
  const student = polynomials(MIDDLE), learner = createConsistencyLearner(student), plan = planOf();
  for (let k = 0; k < 60; k++) await learner.update(await makeConsistencyGroups(plan, 384, 1, k), rates);
  const times = timesOf(24), last = times[times.length - 2];
  const worst = { told: 0, unlike: 0 };
  for (const place of [0, 6, 12, 18]) {
    for (const [c, w] of [[1, 0], [1, 1], [-0.7, 2], [1.2, 2.8]]) {
      // From there to the last time the flow, and there the guided estimate.
      const ends = (w: number) => guidedEstimate(guidedFlow(0.8, times[place], last, c, w), last, c, w);
      const own = await said(student, 0.8, times[place], { c, w });
      worst.told = Math.max(worst.told, Math.abs(own - ends(w)));
      if (w > 1) worst.unlike = Math.max(worst.unlike, Math.abs(own - ends(1)));
    }
    const untold = guidedFlow(0.8, times[place], last, 0, 0), end = exactAt(last, false).gain * untold;
    const off = await said(student, 0.8, times[place], undefined) - end;
    assert.ok(Math.abs(off) < 0.04, `untold at place ${place}: ${off}`);
  }
  assert.ok(worst.told < 0.06, `off by ${worst.told}`);
  assert.ok(worst.unlike > 0.5, `${worst.unlike}: what is not guided would be as near`);
});

Deno.test("guidedFlow() of scales 0 and 1 is the flow of the data without the property, and with it: to normal data of their spread", () => {
  for (const [w, mean, spread] of [[0, 0, Math.hypot(SLOPE, 0.6)], [1, SLOPE * 0.7, 0.6]]) {
    const { alpha, sigma } = schedule(0.97), deviation = Math.hypot(alpha * spread, sigma);
    const end = guidedFlow(alpha * mean + 1.3 * deviation, 0.97, 1e-4, 0.7, w);
    assert.ok(Math.abs(end - (mean + 1.3 * spread)) < 2e-3, `${end}`);
  }
});

Deno.test("progressive rounds and rollouts ask the teacher for what each molecule is told, tell the student, and keep what it serves", async () => {
  const plan = { schedule, source: sourceOf(SCALES), teacher: exact(), grid: EVEN, coupling: "independent" } as const;
  const round = { ...plan, variant: "ddim", steps: 4, teacherSteps: 8, kept: [8], keptShare: 0.3 } as const;
  const fine = timesOf(8);
  const check = async (group: Group, wayOf: (time: number, steps?: number) => number[]) => {
    let lean = 0, all = 0;
    for (const [b, condition] of group.conditions.entries()) {
      const { time, steps, properties, guidance } = condition;
      const first = group.z.slice(b * LENGTH, (b + 1) * LENGTH), times = wayOf(time, steps);
      const step = (z: Float32Array, x0: Float32Array, t: number, s: number) => {
        if (s === 0) return x0;
        const there = z.slice();
        applyStep(ddimStep(schedule(t), schedule(s)), there, x0, () => there);
        return there;
      };
      let z: Float32Array = first;
      for (const [k, time] of times.slice(0, -1).entries()) {
        const x0 = await exact().predict(z, { batch: 1, nodes: 1 }, { time, properties, guidance });
        z = step(z, x0, time, times[k + 1]);
      }
      // One step by the target ends where the teacher's do.
      const there = step(first, group.target.slice(b * LENGTH, (b + 1) * LENGTH), times[0], times.at(-1)!);
      assert.ok(Math.abs(numberOf(there, 0) - numberOf(z, 0)) < 2e-4, `${numberOf(there, 0)} and ${numberOf(z, 0)}`);
      const { alpha, sigma } = schedule(time);
      if (properties && sigma < 0.8) {
        lean += (numberOf(first, 0) - alpha * SLOPE * properties.gap!) ** 2 / (alpha ** 2 * 0.36 + sigma ** 2), all++;
      }
    }
    // What is told is of the molecule itself: given it, the latents have the spread of the rest and of the noise.
    assert.ok(all > 50 && Math.abs(lean / all - 1) < 0.4, `${lean / all} of ${all}`);
  };
  const [group] = await makeRoundGroups(round, 256, 1, 0);
  assert.ok(
    group.conditions.some(({ steps }) => steps === 8) && group.conditions.some(({ properties }) => !properties),
  );
  await check(group, (time, steps) => {
    const at = fine.indexOf(time);
    return steps === 8 ? [time, 0] : [time, fine[at + 1], fine[at + 2]];
  });
  const [rolled] = await makeRolloutGroups({ ...planOf(), teacherSteps: 8 }, 256, 1, 0);
  const own = timesOf(4), all = timesOf(8);
  assert.ok(rolled.conditions.every(({ time }) => own.includes(time)));
  await check(rolled, (time) => [time, ...all.filter((one) => one < time * (1 - 1e-9))]);
});

Deno.test("estimates of the teacher's calls with guidance are what batches take", async () => {
  const asked = { molecules: 0 };
  await makeConsistencyGroups(planOf({ teacher: exact(asked), teacherSteps: 64 }), 400, 1, 0);
  const { teacher } = consistency.work({ ...settings, solver: "dpm-solver++", from: 64, to: 4 });
  assert.ok(Math.abs(asked.molecules / 400 / teacher - 1) < 0.08, `${asked.molecules / 400} and ${teacher}`);
  const one = { molecules: 0 },
    parts = { ...partsOf(polynomials(MIDDLE)), teacher: { denoiser: exact(one), name: "" } };
  await guided.learning(parts, { ...settings, batch: 400 }).trainGroups(0);
  assert.ok(Math.abs(one.molecules / 400 / guided.work(settings).teacher - 1) < 0.05, `${one.molecules / 400}`);
});
