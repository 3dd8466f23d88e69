import assert from "node:assert/strict";
import { conditioned, eachCondition } from "../../../model/diffusion/condition.ts";
import { makeMomentGroups } from "../../../model/distillation/moments_batches.ts";
import { createMomentsLearner } from "../../../model/distillation/moments_learner.ts";
import type { LatentSource } from "../../../model/distillation/source.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { random } from "../../../model/diffusion/random.ts";
import { ddpmStep } from "../../../model/diffusion/samplers/ddpm.ts";
import { applyStep } from "../../../model/diffusion/samplers/step.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import type { Asked, Group, Learner } from "../../../model/diffusion/learner.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";

const space = { vectors: 1, scalars: 1, pairs: 0 }, schedule = cosineSchedule(), nodes = 2, L = 8;

/** Clean latents all of whose numbers but the (centred) positions are +1 or -1, by a coin. */
const coins: LatentSource = {
  description: "coins",
  draw(batch, stream) {
    const target = new Float32Array(batch * L);
    for (let b = 0; b < batch; b++) for (const k of [3, 7]) target[b * L + k] = stream.uniform() < 0.5 ? -1 : 1;
    return [{ shape: { batch, nodes }, target }];
  },
};

const plan = { source: coins, space, schedule, grid: { type: "uniform" as const }, serves: [2, 4] };

Deno.test("makeMomentGroups() draws times within the step of a served step count", () => {
  const [group] = makeMomentGroups(plan, 200, 1, 0);
  assert.deepEqual(new Set(group.conditions.map(({ steps }) => steps)), new Set([2, 4]));
  for (let b = 0; b < 200; b++) {
    const { time: t, steps } = group.conditions[b], { time: s } = group.at.conditions[b];
    const N = steps!, i = Math.round((1 - t) * N);
    assert.ok(Math.abs(t - (1 - i / N)) < 1e-6);
    assert.ok(s < t && s > 1 - (i + 1) / N - 1e-6);
    const step = ddpmStep(schedule(t), schedule(s));
    assert.ok(Math.abs(group.step.x0[b] - step.x0) < 1e-4 && Math.abs(group.step.noise[b] - step.noise) < 1e-4);
  }
  assert.deepEqual(makeMomentGroups(plan, 20, 1, 5), makeMomentGroups(plan, 20, 1, 5));
});

/** E[x | z] of a coin under noise: tanh(alpha z / sigma^2). */
const posterior = (z: number, alpha: number, sigma: number) => Math.tanh(alpha * z / sigma ** 2);

const teacher: Denoiser = {
  space,
  predict: (z, { batch }, conditions) => {
    const each = eachCondition(conditions, batch);
    return Promise.resolve(z.map((value, i) => {
      const { alpha, sigma } = schedule(each[Math.floor(i / (z.length / batch))].time);
      return i % 4 === 3 ? posterior(value, alpha, sigma) : 0;
    }));
  },
  can: {},
  dispose() {},
};

/** A network of few numbers: x = tanh((a + told) z), with a table of a for each time seen (rounded), learned by plain descent. */
function table(rate: number, told: boolean): Learner<Group> {
  const a = new Map<string, { w: number; b: number }>();
  const of = ({ conditions }: Pick<Group, "conditions">, b: number) => {
    const { time, steps } = conditions[b], k = `${Math.round(time * 8)} ${told ? steps : ""}`;
    if (!a.has(k)) a.set(k, { w: 1, b: 0 });
    return a.get(k)!;
  };
  const estimate = (asked: Asked, i: number) => {
    const { w, b } = of(asked, Math.floor(i / L));
    return i % 4 === 3 ? Math.tanh(w * asked.z[i] + b) : 0;
  };
  const loss = (groups: Group[]) => {
    let total = 0;
    for (const group of groups) {
      group.z.forEach((_, i) => total += (estimate(group, i) - group.target[i]) ** 2 / group.z.length);
    }
    return { total, parts: { positions: total } };
  };
  /** A step for each entry of the table, along the mean over its molecules of the gradient at x0. */
  const descend = <G extends Asked>(groups: G[], gradient: (group: G, i: number) => number) => {
    for (const group of groups) {
      const slopes = new Map<{ w: number; b: number }, { w: number; b: number; n: number }>();
      group.z.forEach((z, i) => {
        if (i % 4 !== 3) return;
        const x = estimate(group, i), one = of(group, Math.floor(i / L));
        const sum = slopes.get(one) ?? { w: 0, b: 0, n: 0 }, slope = gradient(group, i) * (1 - x * x);
        slopes.set(one, { w: sum.w + slope * z, b: sum.b + slope, n: sum.n + 1 });
      });
      for (const [one, { w, b, n }] of slopes) one.w -= rate * w / n, one.b -= rate * b / n;
    }
  };
  return {
    backend: "table",
    predict: (asked) => Promise.resolve(asked.z.map((_, i) => estimate(asked, i))),
    update(groups) {
      const before = loss(groups);
      descend(groups, (group, i) => 2 * (estimate(group, i) - group.target[i]));
      return Promise.resolve(before);
    },
    step(groups) {
      descend(groups, ({ gradient }, i) => gradient[i]);
      return Promise.resolve(1);
    },
    loss: (groups) => Promise.resolve(loss(groups)),
    state: () => Promise.resolve({ tensors: new Map([["updates", { shape: [1], data: new Float32Array(1) }]]) }),
    restore: () => Promise.resolve(),
    dispose() {},
  };
}

/** Mean |x| of the scalars after two ancestral steps with a network. */
async function twoSteps(predict: (asked: Asked) => Promise<Float32Array>): Promise<number> {
  const batch = 2000,
    shape = { batch, nodes },
    draw = random(3),
    noise = () => drawNoise(space, shape, Array(batch).fill(draw));
  const z = noise(),
    ask = (time: number) => predict({ shape, z, ...conditioned(Array(batch).fill({ time, steps: 2 }), schedule) });
  applyStep(ddpmStep(schedule(1), schedule(0.5)), z, await ask(1), noise);
  const x = await ask(0.5);
  return x.reduce((sum, value, i) => sum + (i % 4 === 3 ? Math.abs(value) : 0), 0) / (2 * batch);
}

const rates = { muon: 1, adamw: 1, emaDecay: 0.9, clip: 10 };

Deno.test("createMomentsLearner() leads a student to draw the data's values in two steps, where the teacher's means fall short", async () => {
  const student = table(2, true), auxiliary = table(2, false);
  const learner = createMomentsLearner({ student, auxiliary, teacher, kind: "numbers", cap: 1 });
  const ofTeacher = await twoSteps(({ z, shape, conditions }) => teacher.predict(z, shape, conditions));
  for (let update = 0; update < 800; update++) {
    await learner.update(makeMomentGroups({ ...plan, serves: [2] }, 64, 1, update), rates);
  }
  const ofStudent = await twoSteps((asked) => student.predict!(asked, "params"));
  // The data are +-1. The teacher's last estimate is a mean of both; the student's is drawn to one or the other.
  assert.ok(ofTeacher < 0.6, String(ofTeacher));
  assert.ok(ofStudent > 0.8, String(ofStudent));
});

Deno.test("createMomentsLearner() keeps the state of both networks, and says where a learner cannot predict", async () => {
  const restored: string[] = [];
  const noting = (name: string): Learner<Group> => ({
    ...table(0.1, true),
    state: () => Promise.resolve({ tensors: new Map([[`params/${name}`, { shape: [1], data: new Float32Array(1) }]]) }),
    restore: ({ tensors }) =>
      Promise.resolve(void restored.push(...[...tensors.keys()].map((key) => `${name}: ${key}`))),
  });
  const learner = createMomentsLearner({ student: noting("s"), auxiliary: noting("a"), teacher });
  const state = await learner.state();
  assert.deepEqual([...state.tensors.keys()], ["params/s", "auxiliary/params/a"]);
  await learner.restore(state);
  assert.deepEqual(restored, ["s: params/s", "a: params/a"]);
  const mute = { ...table(0.1, true), predict: undefined };
  const silent = createMomentsLearner({ student: mute, auxiliary: table(0.1, false), teacher });
  await assert.rejects(
    silent.loss(makeMomentGroups(plan, 4, 1, 0), "params"),
    /the learner on table cannot estimate x0/,
  );
});
