import assert from "node:assert/strict";
import { eachCondition } from "../../../model/diffusion/condition.ts";
import { gridAtSteps, type GridSpec, makeGrid } from "../../../model/diffusion/grids.ts";
import { latentLength } from "../../../model/diffusion/latent.ts";
import type { Asked, Group, Learner, Weights } from "../../../model/diffusion/learner.ts";
import { ddimStep } from "../../../model/diffusion/samplers/mod.ts";
import { type FlowMapPlan, halvings, makeFlowMapGroups } from "../../../model/distillation/flow_map_batches.ts";
import { createFlowMapLearner } from "../../../model/distillation/flow_map_learner.ts";
import { flowMap } from "../../../model/distillation/methods/flow_map.ts";
import { acceptRound, roundOrder } from "../../../model/distillation/order.ts";
import { readCard } from "../../../model/models/card.ts";
import { bestDenoiser, denoiserOf, mapFactor, meanFactor, schedule, source, space } from "./normal_data.ts";

const card = await readCard(new URL("../../../weights/qm9", import.meta.url).pathname);

const plan = (more: Partial<FlowMapPlan> = {}): FlowMapPlan => ({
  schedule,
  source,
  teacher: bestDenoiser(),
  grid: { type: "uniform" },
  counts: [8, 4, 2, 1],
  of: 2,
  ...more,
});

const smooth = (z: number, time: number) => Math.tanh(1.3 * z) * (1 - 0.4 * time);

/** Where a DDIM step leads. */
function step(z: ArrayLike<number>, x: ArrayLike<number>, t: number, s: number): number[] {
  const { z: a, x0 } = ddimStep(schedule(t), schedule(s));
  return Array.from(z, (value, i) => a * value + x0 * x[i]);
}

Deno.test("halvings() goes down as far as a number halves, or to the smallest that is asked for", () => {
  assert.deepEqual(halvings(32), [32, 16, 8, 4, 2, 1]);
  assert.deepEqual(halvings(32, 4), [32, 16, 8, 4]);
  assert.deepEqual(halvings(24), [24, 12, 6, 3]);
  assert.deepEqual(halvings(5), [5]);
});

Deno.test("makeFlowMapGroups() has all step counts in equal shares at their own times, and leaves what is longer than two of the teacher's steps to the learner", async () => {
  const teacher = denoiserOf(smooth), groups = await makeFlowMapGroups(plan({ teacher }), 64, 1, 3);
  const shares = new Map<number, number>();
  for (const { shape, conditions, own, z, target } of groups) {
    const length = latentLength(space, shape.nodes);
    conditions.forEach(({ time, steps }, b) => {
      shares.set(steps!, (shares.get(steps!) ?? 0) + 1);
      const i = (1 - time) * steps!, mine = target.subarray(b * length, (b + 1) * length);
      assert.ok(Number.isInteger(i) && i < steps!, `${time} of ${steps}`);
      assert.equal(b < own.length, steps! < 4);
      if (b < own.length) {
        const { t, u, v, told } = own[b];
        assert.deepEqual([t, u, v, told], [time, time - 0.5 / steps!, time - 1 / steps!, 2 * steps!]);
        return;
      }
      const first = Array.from(z.subarray(b * length, (b + 1) * length)), said = first.map((one) => smooth(one, time));
      if (steps === 8) return said.forEach((x, k) => assert.ok(Math.abs(x - mine[k]) < 1e-6));
      const middle = step(first, said, time, time - 1 / 8);
      const end = step(middle, middle.map((one) => smooth(one, time - 1 / 8)), time - 1 / 8, time - 1 / 4);
      step(first, mine, time, time - 1 / 4).forEach((one, k) => assert.ok(Math.abs(one - end[k]) < 1e-5));
    });
  }
  assert.deepEqual([...shares].sort(), [[1, 16], [2, 16], [4, 16], [8, 16]]);
  assert.ok(Math.abs(teacher.asked / 64 / flowMap.work({ ...settings, from: 8, to: 1 }).teacher - 1) < 1e-9);
  const [again, other] = await Promise.all([3, 4].map((k) => makeFlowMapGroups(plan({ teacher }), 64, 1, k)));
  assert.deepEqual(again, groups);
  assert.notDeepEqual(other[0].z, groups[0].z);
});

Deno.test("makeFlowMapGroups() held out has targets with which one step of any length lands where the teacher's own steps do", async () => {
  const grid: GridSpec = { type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 6 };
  const groups = await makeFlowMapGroups(plan({ teacher: denoiserOf(smooth), grid }), 32, 1, 0, "teacher");
  const fine = makeGrid(gridAtSteps(grid, 2, 8, schedule), 8, schedule), seen = new Set<number>();
  for (const { shape, conditions, own, z, target } of groups) {
    assert.equal(own.length, 0);
    const length = latentLength(space, shape.nodes);
    conditions.forEach(({ time, steps }, b) => {
      const at = fine.indexOf(time), stride = 8 / steps!, mine = target.subarray(b * length, (b + 1) * length);
      seen.add(steps!);
      const first = z.subarray(b * length, (b + 1) * length);
      let now: ArrayLike<number> = first;
      for (let k = at; k < at + stride; k++) {
        now = step(now, Array.from(now, (one) => smooth(one, fine[k])), fine[k], fine[k + 1]);
      }
      step(first, mine, time, fine[at + stride]).forEach((one, k) => assert.ok(Math.abs(one - now[k]) < 1e-5));
    });
  }
  assert.deepEqual([...seen].sort(), [1, 2, 4, 8]);
});

/** A network of one number a time and step count, x = a z, that is fitted to a batch as far as `rate` says, with its moving averages. */
function table(rate: number) {
  const numbers = new Map<string, { params: number; ema: number }>();
  const at = (time: number, steps: number) => {
    const key = `${steps} ${time.toPrecision(9)}`;
    // It begins as the teacher.
    if (!numbers.has(key)) numbers.set(key, { params: meanFactor(time), ema: meanFactor(time) });
    return numbers.get(key)!;
  };
  const predict = ({ z, shape, conditions }: Asked, which: Weights) => {
    const each = eachCondition(conditions, shape.batch), length = z.length / shape.batch;
    const factors = each.map(({ time, steps }) => at(time, steps!)[which]);
    return Promise.resolve(z.map((value, i) => factors[Math.floor(i / length)] * value));
  };
  const learner: Learner<Group> = {
    backend: "table",
    predict,
    update(groups, { emaDecay }) {
      const sums = new Map<{ params: number; ema: number }, { error: number; square: number }>();
      for (const { z, target, shape, conditions } of groups) {
        const length = z.length / shape.batch;
        z.forEach((value, i) => {
          const { time, steps } = conditions[Math.floor(i / length)], one = at(time, steps!);
          const sum = sums.get(one) ?? { error: 0, square: 0 };
          sum.error += (target[i] - one.params * value) * value, sum.square += value ** 2;
          sums.set(one, sum);
        });
      }
      for (const [one, { error, square }] of sums) one.params += rate * error / square;
      for (const one of numbers.values()) one.ema = emaDecay * one.ema + (1 - emaDecay) * one.params;
      return Promise.resolve({ total: 0, parts: {} });
    },
    async loss(groups, which) {
      let total = 0, count = 0;
      for (const group of groups) {
        const x = await predict(group, which);
        x.forEach((value, i) => (total += (value - group.target[i]) ** 2, count++));
      }
      return { total: total / count, parts: {} };
    },
    state: () => Promise.resolve({ tensors: new Map() }),
    restore: () => Promise.resolve(),
    dispose() {},
  };
  return { learner, factor: (time: number, steps: number) => at(time, steps).ema };
}

/** How far z changes over a step t -> s, in units of it. */
const landing = (factor: number, t: number, s: number) => step([1], [factor], t, s)[0];

Deno.test("createFlowMapLearner() learns steps of every length that land where the flow of normal data does, from the word of its own average", async () => {
  const grid: GridSpec = { type: "logSnr", start: { logSnr: 0, spread: 1 }, last: 4 }, counts = halvings(32);
  const own = plan({ grid, of: 2, counts }),
    { learner, factor } = table(0.5),
    student = createFlowMapLearner(learner, schedule);
  const heldOut = await makeFlowMapGroups(own, 48, 9, 0, "teacher"), before = await student.loss(heldOut, "ema");
  const times = makeGrid(gridAtSteps(grid, 2, 32, schedule), 32, schedule);
  /** The largest distance of a step from two of half its length, and from the flow, over all times and lengths. */
  const apart = () => {
    let halves = 0, flow = 0;
    for (const steps of counts.slice(1)) {
      const stride = 32 / steps;
      for (let i = 0; i < 32; i += stride) {
        const [t, u, v] = [times[i], times[i + stride / 2], times[i + stride]], whole = landing(factor(t, steps), t, v);
        const two = landing(factor(t, 2 * steps), t, u) * landing(factor(u, 2 * steps), u, v);
        halves = Math.max(halves, Math.abs(whole - two));
        flow = Math.max(flow, Math.abs(whole - landing(mapFactor(t, v), t, v)));
      }
    }
    return { halves, flow };
  };
  const at = apart();
  for (let update = 0; update < 120; update++) {
    const groups = await makeFlowMapGroups(own, 192, 1, update);
    await student.update(groups, { muon: 1, adamw: 1, emaDecay: 0.7, clip: 10 });
  }
  const after = apart(), loss = await student.loss(heldOut, "ema");
  assert.ok(at.halves > 0.05 && at.flow > 0.05, JSON.stringify(at));
  assert.ok(after.halves < 1e-4, "two halves make a whole");
  // What is left is the teacher's: 32 steps of the first order.
  assert.ok(after.flow < 0.2 * at.flow, JSON.stringify([at, after]));
  assert.ok(loss.total < 1e-6 * before.total, JSON.stringify([before, loss]));
});

Deno.test("createFlowMapLearner() asks the moving average for what longer steps learn, told twice the steps", async () => {
  const asked: { which: Weights; steps: number[] }[] = [], learned: Group[][] = [], { learner } = table(1);
  const student = createFlowMapLearner({
    ...learner,
    update: (groups) => Promise.resolve((learned.push(groups), { total: 0, parts: {} })),
    predict(one, which) {
      asked.push({ which, steps: one.conditions.map(({ steps }) => steps!) });
      return learner.predict!(one, which);
    },
  }, schedule);
  const groups = await makeFlowMapGroups(plan(), 16, 1, 0);
  await student.update(groups, { muon: 0, adamw: 0, emaDecay: 0, clip: 1 });
  assert.equal(asked.length, 2 * groups.length);
  for (const { which, steps } of asked) {
    assert.equal(which, "ema");
    assert.ok(steps.every((one) => one === 2 || one === 4), `${steps}`);
  }
  learned[0].forEach(({ target }, k) => {
    const { own, z, target: given, shape: { batch } } = groups[k], first = own.length * z.length / batch;
    assert.ok(target.subarray(0, first).every((value) => value !== 0));
    assert.deepEqual(target.subarray(first), given.subarray(first));
  });
});

const settings = acceptRound(card, roundOrder.parse({ method: "flow-map", updates: 1 })).settings;

Deno.test("a round of flow-map goes to halves of halves, and says what else it cannot have", () => {
  assert.deepEqual([settings.from, settings.to, settings.variant], [32, 4, "ddim"]);
  const accept = (asked: Record<string, unknown>) =>
    acceptRound(card, roundOrder.parse({ method: "flow-map", ...asked })).settings;
  assert.deepEqual([accept({ from: 12 }).to, accept({ from: 16, to: 4, keep: [1, 16] }).keep], [3, [1, 16]]);
  const grid = { type: "logSnr", start: { logSnr: 0.5 }, last: 5 };
  assert.equal(accept({ solver: "heun", grid }).solver, "heun");
  const fault = (asked: Record<string, unknown>, message: RegExp) => assert.throws(() => accept(asked), message);
  fault({ from: 32, to: 5 }, /to must be from's 32 halved, 16, 8, 4, 2, 1; got 5/);
  fault({ from: 5, to: 2 }, /to must be from's 5 halved, which it cannot be; got 2/);
  fault({ keep: [3, 8] }, /keep must name from's 32 or halves of it, 16, 8, 4, 2, 1; got 3/);
  fault({ from: 256 }, /from must be at most 128 for flow-map/);
  fault({ solver: "heun" }, /solver heun is for a grid with a start/);
  fault({ solver: "ddpm" }, /solver must be ddim or heun or dpm-solver\+\+ for flow-map; got ddpm/);
});

Deno.test("a round of progressive says which solvers it cannot have, and other methods that they have none to choose", () => {
  const accept = (asked: Record<string, unknown>) => acceptRound(card, roundOrder.parse(asked)).settings;
  assert.equal(accept({ from: 16, solver: "dpm-solver++" }).solver, "dpm-solver++");
  assert.equal("solver" in accept({ from: 16 }), false);
  const fault = (asked: Record<string, unknown>, message: RegExp) => assert.throws(() => accept(asked), message);
  fault({ from: 16, solver: "ddpm" }, /solver must be ddim or heun or dpm-solver\+\+ for the variant ddim; got ddpm/);
  fault({ from: 16, solver: "heun" }, /solver heun is for a grid with a start/);
  fault(
    { from: 8, solver: "dpm-solver++" },
    /solver must be ddim where the teacher is a student, here that of 8 steps/,
  );
  fault({ method: "rollout", solver: "heun" }, /solver is for progressive, flow-map.*; got it for rollout/);
});
