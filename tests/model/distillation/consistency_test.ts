/** Consistency distillation: its batches, and what students of it learn where the probability flow is known. */
import assert from "node:assert/strict";
import { conditioned } from "../../../model/diffusion/condition.ts";
import { gridAtSteps, makeGrid } from "../../../model/diffusion/grids.ts";
import type { Asked } from "../../../model/diffusion/learner.ts";
import { random } from "../../../model/diffusion/random.ts";
import { applyStep, planSampling, runPlan, startOf } from "../../../model/diffusion/samplers/mod.ts";
import { type ConsistencyPlan, makeConsistencyGroups } from "../../../model/distillation/consistency_batches.ts";
import { createConsistencyLearner } from "../../../model/distillation/consistency_learner.ts";
import { consistency } from "../../../model/distillation/methods/consistency.ts";
import { acceptRound, roundOrder } from "../../../model/distillation/order.ts";
import { callsOfSolver, FLOW_SOLVERS, type FlowSolver, solverStep } from "../../../model/distillation/solvers.ts";
import { readCard } from "../../../model/models/card.ts";
import { functionsOf, type Mixture, schedule, sourceOf, space, teacherOf } from "./one_number.ts";

const NORMAL: Mixture = { means: [0], deviation: 0.5 }, TWO: Mixture = { means: [-1, 1], deviation: 0.2 };

const planOf = (data: Mixture, more: Partial<ConsistencyPlan> = {}): ConsistencyPlan => ({
  schedule,
  source: sourceOf(data),
  coupling: "independent",
  teacher: teacherOf(data),
  teacherSteps: 16,
  grid: { type: "uniform" },
  serves: [2],
  startOf: () => undefined,
  solver: "ddim",
  skip: 1,
  boundary: "teacher",
  ...more,
});

const uniform = (steps: number) => makeGrid({ type: "uniform" }, steps, schedule);

Deno.test("makeConsistencyGroups() has for each molecule where one step of the solver leads, skip times on or to the last, and there the boundary", async () => {
  for (const solver of FLOW_SOLVERS) {
    for (const [skip, boundary] of [[1, "teacher"], [4, "data"], [15, "teacher"]] as const) {
      const plan = planOf(TWO, { solver, skip, boundary, serves: [4, 2] }), teacher = teacherOf(TWO);
      const [group] = await makeConsistencyGroups(plan, 64, 1, 3), times = [...uniform(16)], last = 15;
      const { rows, asked } = group.next!, going = new Set(rows);
      const places = group.conditions.map(({ time }) => times.indexOf(time));
      assert.ok(places.every((place) => place >= 0 && place <= last), "times of the teacher's");
      assert.ok(places.every((place, b) => going.has(b) === (place < last)));
      for (const [k, b] of rows.entries()) {
        const to = times[Math.min(places[b] + skip, last)], { time, steps } = asked.conditions[k];
        assert.deepEqual([time, steps], [to, group.conditions[b].steps]);
        // Of first order all of a plan's steps are the same; Heun's pair goes over two intervals of its grid.
        if (solver === "dpm-solver++") continue;
        const grid = solver === "ddim"
          ? [times[places[b]], to, 0]
          : [times[places[b]], (times[places[b]] + to) / 2, to, to / 2, 0];
        const seen: Float32Array[] = [];
        await runPlan(
          planSampling(solver, schedule, Float64Array.from(grid)),
          (z, time) => {
            seen.push(z.slice());
            return teacher.predict(z, { batch: 1, nodes: 1 }, { time });
          },
          group.z.slice(b, b + 1),
          () => assert.fail("no noise"),
        );
        assert.ok(Math.abs(seen[callsOfSolver(solver)][0] - asked.z[k]) < 1e-5);
      }
      for (const [b, place] of places.entries()) {
        if (place < last) continue;
        const [own] = await teacher.predict(group.z.slice(b, b + 1), { batch: 1, nodes: 1 }, { time: times[last] });
        assert.equal(boundary === "teacher", Math.abs(group.target[b] - own) < 1e-6);
      }
    }
  }
});

Deno.test("makeConsistencyGroups() is half at times of the student's steps, each number as often, half anywhere, and a function of seed and update alone", async () => {
  const plan = planOf(NORMAL, { serves: [4, 1] }), [group] = await makeConsistencyGroups(plan, 128, 1, 0);
  const counts = new Map<number, number>();
  for (const { steps } of group.conditions) counts.set(steps!, (counts.get(steps!) ?? 0) + 1);
  assert.deepEqual([...counts].sort(), [[1, 64], [4, 64]]);
  const own = group.conditions.filter(({ time, steps }) => [...uniform(steps!)].includes(time)).length;
  assert.ok(own >= 64 && own < 100, `${own}`);
  assert.equal(new Set(group.conditions.map(({ time }) => time)).size, 16, "all times of the fine grid");
  // Of more steps than the teacher makes, or of others than divide them, the times before theirs.
  for (const steps of [40, 5]) {
    const [{ conditions }] = await makeConsistencyGroups(planOf(NORMAL, { serves: [steps] }), 64, 1, 0);
    assert.ok(conditions.every(({ time }) => time > 0 && [...uniform(16)].includes(time)));
  }
  assert.deepEqual(await makeConsistencyGroups(plan, 128, 1, 0), [group]);
  assert.notDeepEqual((await makeConsistencyGroups(plan, 128, 1, 1))[0].z, group.z);
});

Deno.test("makeConsistencyGroups() begins where sampling begins", async () => {
  const grid = { type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 5 } as const;
  const values = schedule(makeGrid(grid, 2, schedule)[0]);
  const moments = { vectors: [], scalars: [[5, 0]] as [number, number][], pairs: [] };
  const plan = planOf(NORMAL, { grid, startOf: (nodes) => startOf(moments, space, nodes, values, 1) });
  const [{ z, conditions }] = await makeConsistencyGroups(plan, 64, 1, 0), first = makeGrid(grid, 2, schedule)[0];
  const starts = z.filter((_, b) => conditions[b].time === first);
  assert.ok(starts.length > 10 && starts.every((value) => Math.abs(value - 5 * values.alpha) < 4 * values.sigma));
});

Deno.test("consistency's estimate of the teacher's calls is what batches take, but for those at the last time", async () => {
  for (const solver of FLOW_SOLVERS) {
    const asked = { molecules: 0 }, settings = { variant: "consistency", from: 16, to: 2, keep: [], solver } as const;
    await makeConsistencyGroups(planOf(NORMAL, { solver, teacher: teacherOf(NORMAL, asked) }), 400, 1, 0);
    const { teacher } = consistency.work({
      ...settings,
      ...{ grid: { type: "uniform" }, options: {}, match: { classes: 0 }, clamp: 0, batch: 400, seed: 1 },
    });
    assert.ok(Math.abs(asked.molecules / 400 / teacher - 1) < 0.04, `${asked.molecules / 400} and ${teacher}`);
  }
});

/** A grid of even log-SNRs, which begins where a normal draw is all but a noisy molecule. */
const EVEN = { type: "logSnr", start: { logSnr: -2, spread: 1 }, last: 5 } as const;

/** A student of 4, 2 and 1 steps that was taught for so many updates, its functions linear between so many knots. */
async function taught(data: Mixture, knots: number, updates: number, more: Partial<ConsistencyPlan>) {
  const student = functionsOf(data, knots, 0.7), learner = createConsistencyLearner(student);
  const plan = planOf(data, { ...more, grid: EVEN, serves: [4, 2, 1] });
  for (let k = 0; k < updates; k++) {
    await learner.update(await makeConsistencyGroups(plan, 256, 1, k), { muon: 1, adamw: 1, emaDecay: 0.7, clip: 1 });
  }
  return (asked: Asked) => student.predict!(asked, "ema");
}

/** The times of so many steps of a student of 4. */
const timesOf = (steps: number) => makeGrid(gridAtSteps(EVEN, 4, steps, schedule), steps, schedule);

/** What the consistency sampler draws in so many steps, from noisy molecules at the first time. */
async function drawn(
  data: Mixture,
  predict: (asked: Asked) => Promise<Float32Array>,
  steps: number,
): Promise<Float32Array> {
  const shape = { batch: 4000, nodes: 1 },
    stream = random(5),
    times = timesOf(steps),
    { alpha, sigma } = schedule(times[0]);
  const noise = () => Float32Array.from({ length: shape.batch }, () => stream.normal());
  const [{ target }] = sourceOf(data).draw(shape.batch, stream);
  return await runPlan(
    planSampling("consistency", schedule, times),
    (z, time) => predict({ shape, z, ...conditioned(Array(shape.batch).fill({ time, steps }), schedule) }),
    target.map((x) => alpha * x + sigma * stream.normal()),
    noise,
  );
}

const rms = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

const asTeacher = (data: Mixture) => ({ z, shape, conditions }: Asked) => teacherOf(data).predict(z, shape, conditions);

/** What each of a student's estimates is of z, where it is a number times z; by the fixed point of what it learns. */
function fixedPoint(solver: FlowSolver, skip: number): number[] {
  const times = timesOf(16), last = times.length - 2, gain: number[] = [];
  const mean = (time: number) => {
    const { alpha, sigma } = schedule(time), power = NORMAL.deviation ** 2;
    return alpha * power / (alpha ** 2 * power + sigma ** 2);
  };
  gain[last] = mean(times[last]);
  for (let place = last - 1; place >= 0; place--) {
    const to = Math.min(place + skip, last), z = Float32Array.of(1), earlier: Float32Array[] = [];
    for (const call of solverStep(solver, schedule, times[place], times[to])) {
      const x0 = Float32Array.of(mean(call.t) * z[0]);
      applyStep(call, z, x0, () => z, earlier), earlier.unshift(x0);
    }
    gain[place] = gain[to] * z[0];
  }
  return gain;
}

Deno.test("a student of consistency distillation learns the end of the solver's way, of each solver, skip and boundary, and normal data's spread with it", async () => {
  const told: unknown[][] = [];
  const cases = [["ddim", 1, "teacher"], ["ddim", 4, "teacher"], ["heun", 1, "teacher"], ["heun", 1, "data"], [
    "dpm-solver++",
    4,
    "teacher",
  ]] as const;
  for (const [solver, skip, boundary] of cases) {
    const student = await taught(NORMAL, 3, 160, { solver, skip, boundary }), gain = fixedPoint(solver, skip);
    const says = async (time: number) =>
      (await student({ shape: { batch: 1, nodes: 1 }, z: Float32Array.of(1), ...conditioned([{ time }], schedule) }))[
        0
      ];
    for (const [place, value] of gain.entries()) {
      const off = await says(timesOf(16)[place]) / value - 1;
      assert.ok(Math.abs(off) < 0.02, `${solver}, skip ${skip}, ${boundary}: off by ${off} at place ${place}`);
    }
    for (const steps of [1, 2, 4]) {
      const [own, before] = [student, asTeacher(NORMAL)].map(async (one) => rms(await drawn(NORMAL, one, steps)) / 0.5);
      assert.ok(await before < 0.57, `${await before}`);
      assert.ok(await own > await before + 0.2, `${solver}, skip ${skip}, ${steps} steps: ${await own}`);
      if (solver === "heun") assert.ok(Math.abs(await own - 1) < 0.03, `${boundary}, ${steps} steps: ${await own}`);
      told.push([solver, skip, boundary, steps, await own, await before]);
    }
  }
  if (Deno.env.has("MOLSTEP_TEST_PRINT")) console.table(told);
});

Deno.test("fixedPoint() of second-order solvers is the flow's end, which keeps the data's spread; of DDIM's steps it loses more the more they skip", () => {
  const first = timesOf(16)[0], { alpha, sigma } = schedule(first);
  const spread = (solver: FlowSolver, skip: number) =>
    fixedPoint(solver, skip)[0] * Math.hypot(alpha * NORMAL.deviation, sigma) / NORMAL.deviation;
  const told = FLOW_SOLVERS.flatMap((solver) => [1, 2, 4, 8].map((skip) => [solver, skip, spread(solver, skip)]));
  if (Deno.env.has("MOLSTEP_TEST_PRINT")) console.table(told);
  assert.ok(Math.abs(spread("heun", 1) - 1) < 0.01 && Math.abs(spread("dpm-solver++", 1) - 1) < 0.01);
  assert.ok(Math.abs(spread("ddim", 1) - 0.93) < 0.01 && Math.abs(spread("ddim", 4) - 0.753) < 0.01);
  assert.ok(spread("dpm-solver++", 4) > 0.93);
});

/** Shares of what is of neither kind, and of the second. */
const kindsOf = (all: Float32Array) => ({
  neither: all.filter((x) => Math.abs(Math.abs(x) - 1) > 0.6).length / all.length,
  second: all.filter((x) => x > 0).length / all.length,
});

Deno.test("a student of consistency distillation draws data of two kinds in 1 and 2 steps, where its teacher's means are of neither", async () => {
  for (const skip of [1, 2]) {
    const student = await taught(TWO, 65, 150, { solver: "heun", skip });
    for (const [steps, least] of [[1, 0.6], [2, 0.1]]) {
      const before = kindsOf(await drawn(TWO, asTeacher(TWO), steps)),
        { neither, second } = kindsOf(await drawn(TWO, student, steps));
      assert.ok(before.neither > least, `${before.neither}`);
      assert.ok(neither < 0.06 && Math.abs(second - 0.5) < 0.04, `skip ${skip}, ${steps} steps: ${neither}, ${second}`);
    }
  }
});

/** The settings of a round that is asked for, and what is wrong with another. */
const card = await readCard(new URL("../../../weights/qm9", import.meta.url).pathname);
const accept = (asked: Record<string, unknown>) =>
  acceptRound(card, roundOrder.parse({ method: "consistency", ...asked })).settings;

Deno.test("a round of consistency goes from 64 steps to 4 where nothing is asked, by any solver, and skips no more steps than there are", () => {
  const { from, to, variant, solver, skip } = accept({});
  assert.deepEqual([from, to, variant, solver, skip], [64, 4, "consistency", undefined, undefined]);
  const grid = EVEN;
  for (const name of FLOW_SOLVERS) assert.equal(accept({ solver: name, skip: 63, grid }).solver, name);
  assert.equal(accept({ from: 2, to: 1 }).to, 1);
  const fault = (asked: Record<string, unknown>, message: RegExp) => assert.throws(() => accept(asked), message);
  fault({ skip: 64 }, /skip must be 1 to 63 of from's 64 steps; got 64/);
  fault({ from: 2, to: 1, skip: 2 }, /skip must be 1 of from's 2 steps; got 2/);
  fault({ from: 4, to: 8 }, /to must be below from's 4; got 8/);
  fault({ method: "moments", solver: "heun" }, /solver is for .*consistency.*; got it for moments/);
  fault({ method: "rollout", skip: 4 }, /skip is for consistency; got it for rollout/);
  fault({ method: "finetune", data: "mine", boundary: "data" }, /boundary is for consistency; got it for finetune/);
  fault({ solver: "ddpm" }, /solver must be ddim or heun or dpm-solver\+\+ for consistency; got ddpm/);
  fault({ solver: "heun" }, /solver heun is for a grid with a start/);
});
