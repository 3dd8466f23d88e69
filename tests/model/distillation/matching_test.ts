import assert from "node:assert/strict";
import { eachCondition } from "../../../model/diffusion/condition.ts";
import { COUPLINGS } from "../../../model/diffusion/coupling/align.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import type { Asked, Group, Judged, Learner } from "../../../model/diffusion/learner.ts";
import { type Random, random } from "../../../model/diffusion/random.ts";
import { runPlan } from "../../../model/diffusion/samplers/mod.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import { makeKeptGroups, makeMatchingGroups, type MatchingPlan } from "../../../model/distillation/matching_batches.ts";
import { matchingGradient } from "../../../model/distillation/matching_gradient.ts";
import { createMatchingLearner, LEAD } from "../../../model/distillation/matching_learner.ts";
import { matching } from "../../../model/distillation/methods/matching.ts";
import type { KeptStudent, RoundParts } from "../../../model/distillation/round.ts";
import type { LatentSource } from "../../../model/distillation/source.ts";
import { ONE_HOT } from "../../../model/networks/heavy_atom/space.ts";
import { conditioned } from "../../../model/diffusion/condition.ts";

const space = { vectors: 1, scalars: 0, pairs: 0 }, schedule = cosineSchedule(), nodes = 2, L = 6;

/** Deviation of the data, which are normal. */
const DEVIATION = 0.8;

const normal: LatentSource = {
  description: "normal positions",
  draw(batch: number, stream: Random) {
    const target = drawNoise(space, { batch, nodes }, Array(batch).fill(stream)).map((value) => DEVIATION * value);
    return [{ shape: { batch, nodes }, target }];
  },
};

const plan: MatchingPlan = {
  source: normal,
  schedule,
  grid: { type: "uniform" },
  variant: "consistency",
  options: {},
  steps: 2,
  startsAt: () => () => undefined,
};

Deno.test("makeMatchingGroups() takes as many samplings as give the estimates asked for", () => {
  for (const steps of [4, 2]) {
    const [group] = makeMatchingGroups([{ ...plan, steps }], 10, 1, 3);
    assert.deepEqual([group.steps, group.plan.length, group.update], [steps, steps, 3]);
    assert.equal(group.shape.batch, Math.ceil(10 / steps));
    assert.equal(group.stream().normal(), group.stream().normal(), "a fresh stream each time");
    assert.equal(group.stream().normal(), makeMatchingGroups([{ ...plan, steps }], 10, 1, 3)[0].stream().normal());
  }
  const first = (update: number) => makeMatchingGroups([plan], 10, 1, update)[0].stream().normal();
  assert.notEqual(first(0), first(2));
});

Deno.test("makeMatchingGroups() takes as many estimates of each number of steps, each with numbers of its own", () => {
  const plans = [4, 2, 1].map((steps) => ({ ...plan, steps, goal: { classes: steps / 10, from: steps } }));
  const groups = makeMatchingGroups(plans, 24, 1, 3);
  assert.deepEqual(groups.map(({ steps, shape }) => steps * shape.batch), [8, 8, 8]);
  assert.deepEqual(groups.map(({ goal }) => [goal.classes, goal.from]), [[0.4, 4], [0.2, 2], [0.1, 1]]);
  assert.equal(new Set(groups.map(({ stream }) => stream().normal())).size, 3);
  assert.deepEqual(goalOf(makeMatchingGroups([{ ...plan, options: { after: 2 } }], 24, 1, 3)), [0, 2]);
  assert.deepEqual(goalOf(makeMatchingGroups([plan], 24, 1, 3)), [0, -Infinity]);
});

const goalOf = ([{ goal }]: ReturnType<typeof makeMatchingGroups>) => [goal.classes, goal.from];

/** A student in service that says the same of whatever it is asked. */
const served = (steps: number, value: number): KeptStudent => ({
  entry: { ...entryOf(steps), file: "s.safetensors" },
  name: "student",
  denoiser: { space, predict: (z) => Promise.resolve(z.map(() => value)), can: {}, dispose() {} },
});
const entryOf = (steps: number) => ({
  steps,
  levels: 8,
  variant: "consistency" as const,
  teacher: "t",
  version: "1",
  grid: { type: "uniform" as const },
  options: {},
  clamp: 0,
});

Deno.test("makeKeptGroups() asks the students in service by turns, on samplings of their own", async () => {
  const own = { ...plan, kept: [served(4, 1), served(2, -1)] };
  for (const [update, steps, value] of [[0, 4, 1], [1, 2, -1], [2, 4, 1]]) {
    const groups = await makeKeptGroups(own, 12, 1, update);
    assert.deepEqual(groups, await makeKeptGroups(own, 12, 1, update));
    for (const { conditions, target, z } of groups) {
      // A step of `consistency` noises the estimate afresh, which is the same number everywhere.
      const { alpha, sigma } = schedule(1 / steps), last = z.subarray(z.length - z.length / steps);
      const mean = last.reduce((sum, one) => sum + one / last.length, 0);
      assert.ok(Math.abs(mean - alpha * value) < 4 * sigma / Math.sqrt(last.length), "what the student itself led to");
      assert.equal(conditions.length, 12);
      for (let i = 0; i < steps; i++) {
        const at = conditions.filter(({ time }) => time === 1 - i / steps);
        assert.equal(at.length, 12 / steps, "each time as often");
        assert.ok(at.every((one) => one.steps === steps));
      }
      assert.ok(target.every((one) => one === value));
    }
  }
});

Deno.test("matchingGradient() leads away from what the auxiliary tells to what the teacher does, at any noise level alike", () => {
  const shape = { batch: 1, nodes }, x = Float32Array.of(1, 0, 0, -1, 0, 0), none = new Float32Array(L);
  const at = (told: number, taught: number) =>
    matchingGradient({
      space,
      shape,
      x,
      told: x.map((value) => value * told),
      taught: x.map((value) => value * taught),
      kept: none,
      sigma: Float32Array.of(0.5),
      first: 0,
      classes: 0,
    });
  // d = 0.1 x, mean |x - taught| = 0.2 / 3, two nodes.
  const { gradient, apart } = at(0.9, 0.8);
  assert.ok(Math.abs(gradient[0] - 0.1 / (2 * 0.2 / 3)) < 1e-5 && Math.abs(gradient[3] + gradient[0]) < 1e-6);
  assert.ok(Math.abs(apart.positions - 0.01) < 1e-6);
  assert.ok(Math.abs(at(0.99, 0.98).gradient[0] - gradient[0]) < 1e-4, "a tenth of all distances changes nothing");
  assert.ok(at(0.8, 0.8).gradient.every((value) => value === 0));
});

Deno.test("matchingGradient() keeps classes and orders to the teacher's: gradients of logits are differences of probabilities", () => {
  const graph = { vectors: 0, scalars: 2, pairs: 2 }, shape = { batch: 1, nodes: 2 };
  const p = [0.25, 0.75, 0.5, 0.5, 0, 0, 0.9, 0.1, 0.9, 0.1, 0, 0],
    q = [0.5, 0.5, 0.5, 0.5, 0, 0, 0.2, 0.8, 0.2, 0.8, 0, 0];
  const [x, kept] = [p, q].map((values) => Float32Array.from(values, (value) => ONE_HOT * value));
  const sigma = Float32Array.of(0.5);
  const by = (classes: number, told = x) =>
    matchingGradient({ space: graph, shape, x, told, taught: x, kept, sigma, first: 0, classes }).gradient;
  const gradient = by(0);
  // Through a softmax: dL/dlogit_k = x_k (g_k - sum_j x_j g_j / ONE_HOT); the differences of a softmax add up to 0.
  const logit = (i: number, share: number) => gradient[i] * x[i] / share;
  assert.ok(Math.abs(logit(0, 1 / 2) - (0.25 - 0.5)) < 1e-6);
  assert.ok(Math.abs(logit(6, 1 / 4) - (0.9 - 0.2)) < 1e-6);
  assert.ok(Math.abs(gradient[2]) < 1e-9, "where they agree nothing changes");
  assert.ok([4, 5, 10, 11].every((i) => gradient[i] === 0), "a node has no bond to itself");
  // A share of matching has as much of how the two denoisers differ, here as much as x and what is kept.
  assert.ok(by(1).every((value) => value === 0), "denoisers that agree match nothing");
  const apart = x.map((value, i) => 2 * value - kept[i]), mixed = by(0.25, apart);
  assert.ok(by(1, apart).every((value, i) => Math.abs(value - gradient[i]) < 1e-6));
  assert.ok(mixed.every((value, i) => Math.abs(value - gradient[i]) < 1e-6));
});

/** What knows the data: E[x | z]. */
const teacher: Denoiser = {
  space,
  predict(z, { batch }, conditions) {
    const each = eachCondition(conditions, batch);
    return Promise.resolve(z.map((value, i) => {
      const { alpha, sigma } = schedule(each[Math.floor(i / L)].time), power = DEVIATION ** 2;
      return value * alpha * power / (alpha ** 2 * power + sigma ** 2);
    }));
  },
  can: {},
  dispose() {},
};

/** A network x = w z with a number w for each time (rounded), from the teacher's, learned by plain descent. */
function table(rate: number): Learner<Group> & { readonly seen: Group[][] } {
  const all = new Map<number, { w: number }>(), seen: Group[][] = [];
  const of = ({ conditions }: Pick<Group, "conditions">, b: number) => {
    const { time } = conditions[b], key = Math.round(40 * time);
    const { alpha, sigma } = schedule(key / 40), power = DEVIATION ** 2;
    const one = all.get(key) ?? { w: alpha * power / (alpha ** 2 * power + sigma ** 2) };
    all.set(key, one);
    return one;
  };
  const estimate = (asked: Asked) => asked.z.map((value, i) => of(asked, Math.floor(i / L)).w * value);
  const descend = (groups: readonly Asked[], gradients: readonly Float32Array[]) => {
    const slopes = new Map<{ w: number }, { sum: number; n: number }>();
    groups.forEach((asked, g) =>
      asked.z.forEach((z, i) => {
        const one = of(asked, Math.floor(i / L)), slope = slopes.get(one) ?? { sum: 0, n: 0 };
        slopes.set(one, { sum: slope.sum + gradients[g][i] * z, n: slope.n + 1 });
      })
    );
    for (const [one, { sum, n }] of slopes) one.w -= rate * sum / n;
  };
  const errors = (groups: readonly Group[]) =>
    groups.map((group) => estimate(group).map((value, i) => 2 * (value - group.target[i])));
  return {
    seen,
    backend: "table",
    predict: (asked) => Promise.resolve(estimate(asked)),
    update(groups) {
      seen.push(groups);
      descend(groups, errors(groups));
      return Promise.resolve({ total: 0, parts: {} });
    },
    step(groups: Judged[]) {
      descend(groups, groups.map(({ gradient }) => gradient));
      return Promise.resolve(1);
    },
    loss: () => Promise.resolve({ total: 0, parts: {} }),
    state: () => Promise.resolve({ tensors: new Map([["updates", { shape: [1], data: new Float32Array(1) }]]) }),
    restore: () => Promise.resolve(),
    dispose() {},
  };
}

/** Root mean square of positions that two steps of the plan end in, over that of the data. */
async function spread(predict: (asked: Asked) => Promise<Float32Array>): Promise<number> {
  const batch = 4000,
    shape = { batch, nodes },
    stream = random(5),
    [{ plan: steps }] = makeMatchingGroups([plan], 2, 1, 0);
  const noise = () => drawNoise(space, shape, Array(batch).fill(stream));
  const end = await runPlan(
    steps,
    (z, time) => predict({ shape, z, ...conditioned(Array(batch).fill({ time, steps: 2 }), schedule) }),
    noise(),
    noise,
  );
  const rms = (values: Float32Array) =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  return rms(end) / (DEVIATION * rms(noise()));
}

const rates = { muon: 1, adamw: 1, emaDecay: 0.9, clip: 10 };

Deno.test("createMatchingLearner() leads a student of two steps to the data's spread, where the teacher's means fall short", async () => {
  const student = table(0.05), auxiliary = table(0.5);
  const learner = createMatchingLearner({
    student,
    auxiliary,
    teacher,
    schedule,
    lead: 40,
  });
  const ofTeacher = await spread(({ z, shape, conditions }) => teacher.predict(z, shape, conditions));
  for (let update = 0; update < 700; update++) await learner.update(makeMatchingGroups([plan], 128, 1, update), rates);
  const ofStudent = await spread((asked) => student.predict!(asked, "params"));
  assert.ok(ofTeacher < 0.7, String(ofTeacher));
  assert.ok(Math.abs(ofStudent - 1) < 0.08, String(ofStudent));
});

Deno.test("createMatchingLearner() judges an estimate within its own step, and leaves the student alone at first", async () => {
  for (const coupling of COUPLINGS) {
    const student = table(0.05), auxiliary = table(0.5), options = { after: 0, gamma: 1 };
    const learner = createMatchingLearner({
      student,
      auxiliary,
      teacher,
      schedule,
      coupling,
      lead: 3,
      follow: 1,
    });
    const own = { ...plan, options, steps: 4 };
    /** What the student says at the first time, before its matched steps, and in the middle. */
    const says = async () => {
      const ask = (time: number) => ({
        shape: { batch: 1, nodes },
        z: Float32Array.of(1, 0, 0, -1, 0, 0),
        ...conditioned([{ time, steps: 4 }], schedule),
      });
      return [await student.predict!(ask(1), "params"), await student.predict!(ask(0.5), "params")];
    };
    const [early, late] = await says();
    for (let update = 0; update < 3; update++) await learner.update(makeMatchingGroups([own], 64, 1, update), rates);
    assert.deepEqual(await says(), [early, late]);
    await learner.update(makeMatchingGroups([own], 64, 1, 3), rates);
    const [first, middle] = await says();
    assert.ok(first.every((value, i) => Math.abs(value - early[i]) < 1e-4), "kept to the teacher's");
    assert.notDeepEqual(middle, late);
    const { plan: steps, shape } = makeMatchingGroups([own], 64, 1, 0)[0];
    for (const [{ conditions, target, z }] of auxiliary.seen) {
      // Steps to 0.75 and 0.5 of the time: the log-SNR is 0 at 0.5, where the second step ends.
      assert.equal(conditions.length, 3 * shape.batch);
      conditions.forEach(({ time }, b) => {
        const k = 1 + Math.floor(b / shape.batch);
        assert.ok(time <= steps[k].t && (k === 3 || time >= steps[k + 1].t), `${time} in step ${k}`);
      });
      assert.ok(target.every(Number.isFinite) && z.every(Number.isFinite));
    }
  }
});

Deno.test("createMatchingLearner() keeps what is to be kept, beside what it matches", async () => {
  const student = table(0.05),
    groups = await makeKeptGroups(
      { ...plan, kept: [served(2, 0)] },
      32,
      1,
      0,
    );
  const learner = createMatchingLearner({
    student,
    auxiliary: table(0.5),
    teacher,
    schedule,
    lead: 0,
  });
  const size = async () => (await student.predict!(groups[0], "params")).reduce((sum, value) => sum + value ** 2, 0);
  const before = await size();
  // Of the samplings only the last step is matched: what the student says at t = 0.5 changes by what is kept, too.
  for (let update = 0; update < 90; update++) {
    await learner.update([
      ...makeMatchingGroups([{ ...plan, steps: 4, options: { after: 99 } }], 32, 1, update),
      ...groups,
    ], rates);
  }
  assert.ok(await size() < before / 4, `${await size()} of ${before}`);
});

Deno.test("createMatchingLearner() leads two numbers of steps at once, and keeps each to its own beginning where it matches nothing", async () => {
  const student = table(0.05), auxiliary = table(0.5), nothing = served(4, 0).denoiser;
  const learner = createMatchingLearner({ student, auxiliary, teacher, schedule, lead: 0 });
  // Of 4 steps only the last is matched, of 2 both: the times 0.75 and 0.25 are of 4 steps alone, 1 and 0.5 of both.
  const plans = [plan, { ...plan, steps: 4, goal: { from: 99, keeps: nothing } }];
  const at = async (time: number) => {
    const z = Float32Array.of(1, 0, 0, -1, 0, 0);
    const x = await student.predict!({ shape: { batch: 1, nodes }, z, ...conditioned([{ time }], schedule) }, "params");
    return x[0];
  };
  const before = [await at(0.75), await at(0.5), await at(0.25)];
  for (let update = 0; update < 90; update++) await learner.update(makeMatchingGroups(plans, 64, 1, update), rates);
  const after = [await at(0.75), await at(0.5), await at(0.25)];
  assert.ok(Math.abs(after[0]) < before[0] / 4, `kept to 0: ${after[0]} of ${before[0]}`);
  assert.ok(after[1] > before[1] / 4, `matched by 2 steps: ${after[1]} of ${before[1]}`);
  assert.ok(after[2] > before[2] / 4, `matched by 4 steps, the last: ${after[2]} of ${before[2]}`);
  for (const [{ conditions }] of auxiliary.seen) {
    const told = conditions.map(({ steps }) => steps);
    assert.deepEqual([told.filter((steps) => steps === 2).length, new Set(told).size], [conditions.length, 1]);
  }
  const ofFour = auxiliary.seen.flatMap((groups) => groups.slice(1)).flatMap(({ conditions }) => conditions);
  assert.ok(
    ofFour.length > 0 && ofFour.every(({ steps }) => steps === 4),
    "the auxiliary is told whose molecules these are",
  );
});

Deno.test("createMatchingLearner() keeps the state of both networks", async () => {
  const noting = (name: string): Learner<Group> => ({
    ...table(0.1),
    state: () => Promise.resolve({ tensors: new Map([[`params/${name}`, { shape: [1], data: new Float32Array(1) }]]) }),
  });
  const learner = createMatchingLearner({
    student: noting("s"),
    auxiliary: noting("a"),
    teacher,
    schedule,
  });
  assert.deepEqual([...(await learner.state()).tensors.keys()], ["params/s", "auxiliary/params/a"]);
});

Deno.test("matching.learning() asks a guided teacher for its word, and keeps to that where the student begins as it, else to the student in service", async () => {
  /** How far words of a teacher and of another beginning are guided that an update asks for. */
  const asked = async (match: { classes: number; autoguidance?: number }, begins: "teacher" | "student") => {
    const heard: Record<string, Set<number | undefined>> = { teacher: new Set(), student: new Set() };
    const hears = (who: string): Denoiser => ({
      ...teacher,
      predict(z, shape, conditions) {
        for (const { autoguidance } of eachCondition(conditions, shape.batch)) heard[who].add(autoguidance);
        return teacher.predict(z, shape, conditions);
      },
    });
    const denoiser = hears("teacher"), beginning = begins === "teacher" ? denoiser : hears("student");
    const parts = { schedule, source: normal, heldOut: normal, coupling: "independent", card: { latents: undefined } };
    const { learner, trainGroups } = matching.learning(
      {
        ...parts,
        teacher: { denoiser },
        beginning,
        learner: table(0.05),
        auxiliaries: { auxiliary: table(0.5) },
        kept: [],
      } as unknown as RoundParts,
      { ...entryOf(2), from: 4, to: 2, match, keep: [], batch: 8, seed: 1 },
    );
    await learner.update(await trainGroups(LEAD), rates);
    return [[...heard.teacher], [...heard.student]];
  };
  assert.deepEqual(await asked({ classes: 0.5, autoguidance: 1.5 }, "teacher"), [[1.5], []]);
  assert.deepEqual(await asked({ classes: 0.5, autoguidance: 1.5 }, "student"), [[1.5], [undefined]]);
  assert.deepEqual(await asked({ classes: 0.5 }, "teacher"), [[undefined], []]);
});
