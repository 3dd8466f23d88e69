import assert from "node:assert/strict";
import { timesOf } from "../../conditions.ts";
import { eachCondition } from "../../../model/diffusion/condition.ts";
import {
  doubleGrid,
  makeKnowledgeGroups,
  makeRoundGroups,
  type RoundPlan,
} from "../../../model/distillation/batches.ts";
import type { LatentSource } from "../../../model/distillation/source.ts";
import { secondShare } from "../../../model/distillation/target.ts";
import { targetEntropy } from "../../../model/distillation/entropy.ts";
import { makeGrid } from "../../../model/diffusion/grids.ts";
import { drawNoise, latentLength } from "../../../model/diffusion/latent.ts";
import { ddimStep } from "../../../model/diffusion/samplers/ddim.ts";
import { ancestralStep } from "../../../model/diffusion/samplers/ancestral.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import { lossWeights } from "../../../model/training/weights.ts";
import type { BatchShape } from "../../../model/diffusion/types.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";

const space = { vectors: 1, scalars: 2, pairs: 0 }, schedule = cosineSchedule();

const source: LatentSource = {
  description: "noise",
  draw: (count, stream) => {
    const large = Math.floor(count / 2);
    return [{ batch: large, nodes: 4 }, { batch: count - large, nodes: 3 }]
      .filter(({ batch }) => batch > 0)
      .map((shape) => ({ shape, target: drawNoise(space, shape, Array(shape.batch).fill(stream)) }));
  },
};

/** A teacher whose estimate is a smooth function of latent and time, and which notes the steps that it was told. */
function teacher(told: number[] = []): Denoiser {
  return {
    space,
    predict: (z, { batch }, conditions) => {
      const each = eachCondition(conditions, batch);
      told.push(...each.map(({ steps }) => steps!));
      return Promise.resolve(
        z.map((value, i) => Math.tanh(value) * (1 - each[Math.floor(i / (z.length / batch))].time)),
      );
    },
    can: {},
    dispose() {},
  };
}

const plan = (more: Partial<RoundPlan> = {}): RoundPlan => ({
  variant: "ddim",
  steps: 4,
  teacherSteps: 8,
  grid: { type: "uniform" },
  schedule,
  teacher: teacher(),
  source,
  ...more,
});

const molecule = (values: Float32Array, { nodes }: BatchShape, b: number) => {
  const length = latentLength(space, nodes);
  return values.subarray(b * length, (b + 1) * length);
};

for (const variant of ["ddim", "ddpm"] as const) {
  Deno.test(`makeRoundGroups() gives targets with which one ${variant} step goes where the teacher's two lead`, async () => {
    const rule = variant === "ddim"
      ? ddimStep
      : (...pair: Parameters<typeof ddimStep>) => ancestralStep(pair[0], pair[1], 0);
    const groups = await makeRoundGroups(plan({ variant }), 16, 1, 0);
    assert.equal(groups.reduce((sum, { shape }) => sum + shape.batch, 0), 16);
    for (const { shape, z, target, conditions, alpha, sigma, weights } of groups) {
      const t = timesOf(conditions);
      for (let b = 0; b < shape.batch; b++) {
        const time = Math.round(t[b] * 4) / 4, [from, mid, to] = [time, time - 1 / 8, time - 1 / 4].map(schedule);
        assert.ok(Math.abs(t[b] - time) < 1e-6, "a time of the student's grid");
        assert.ok(Math.abs(alpha[b] - from.alpha) < 1e-6 && Math.abs(sigma[b] - from.sigma) < 1e-6);
        const step = (values: ArrayLike<number>, x0: ArrayLike<number>, { z: a, x0: c }: { z: number; x0: number }) =>
          Array.from(values, (value, i) => a * value + c * x0[i]);
        const estimate = (values: ArrayLike<number>, at: number) =>
          Array.from(values, (value) => Math.tanh(value) * (1 - at));
        const start = molecule(z, shape, b), first = estimate(start, t[b]);
        const middle = step(start, first, rule(from, mid));
        const two = step(middle, estimate(middle, time - 1 / 8), rule(mid, to));
        const one = step(start, molecule(target, shape, b), rule(from, to));
        one.forEach((value, i) => assert.ok(Math.abs(value - two[i]) < 1e-5, `${value} ${two[i]} at ${time}`));
        const weight = Math.min(2500, Math.max(1, (from.alpha / from.sigma) ** 2));
        assert.ok(Math.abs(weights[3 * b] / weight - 1) < 1e-5);
      }
    }
  });
}

Deno.test("makeRoundGroups() repeats the teacher on the share kept, and tells each network its own steps", async () => {
  const told: number[] = [];
  const groups = await makeRoundGroups(plan({ kept: [16, 8], keptShare: 0.25, teacher: teacher(told) }), 16, 1, 3);
  const steps = groups.flatMap(({ conditions }) => conditions.map(({ steps }) => steps!));
  assert.equal(steps.filter((one) => one === 4).length, 12);
  assert.ok(steps.filter((one) => one === 16 || one === 8).length === 4);
  // The teacher is told its own 8 where it makes two steps, else the step count that it repeats.
  assert.deepEqual(new Set(told), new Set([8, ...steps.filter((one) => one !== 4)]));
  for (const { shape, z, target, conditions } of groups) {
    for (let b = 0; b < shape.batch; b++) {
      const { time, steps } = conditions[b];
      if (steps === 4) continue;
      const [from, to] = [molecule(z, shape, b), molecule(target, shape, b)];
      to.forEach((value, i) => assert.ok(Math.abs(value - Math.tanh(from[i]) * (1 - time)) < 1e-6));
    }
  }
});

Deno.test("makeRoundGroups() is a function of the seed and the update alone", async () => {
  const [a, again, other] = await Promise.all([7, 7, 8].map((update) => makeRoundGroups(plan(), 8, 1, update)));
  assert.deepEqual(again, a);
  assert.notDeepEqual(other[0].z, a[0].z);
});

Deno.test("makeRoundGroups() halves grids of even log-SNRs, from a matched start too: the student's times are every second of the teacher's", async () => {
  for (
    const grid of [{ type: "logSnr", last: 9 }, { type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 7 }] as const
  ) {
    const times = makeGrid(grid, 4, schedule), fine = doubleGrid(grid, 4, schedule);
    assert.equal(fine.length, 9);
    times.forEach((t, i) => assert.ok(Math.abs(t - fine[2 * i]) < 1e-7));
    const groups = await makeRoundGroups(plan({ grid }), 16, 1, 0);
    for (const { conditions } of groups) {
      timesOf(conditions).forEach((time) => assert.ok(times.some((one) => Math.abs(one - time) < 1e-6), `${time}`));
    }
  }
});

Deno.test("makeRoundGroups() aligns noise to the molecules where the teacher was trained so", async () => {
  const distance = (groups: Awaited<ReturnType<typeof makeRoundGroups>>, clean: readonly Float32Array[]) => {
    let sum = 0;
    groups.forEach(({ z, alpha, sigma, shape: { nodes } }, g) => {
      const length = latentLength(space, nodes);
      z.forEach((value, k) => {
        const b = Math.floor(k / length);
        if (k % length % 5 < 3) sum += ((value - alpha[b] * clean[g][k]) / sigma[b] - clean[g][k]) ** 2;
      });
    });
    return sum;
  };
  const seen: Float32Array[] = [];
  const watched: LatentSource = {
    ...source,
    draw(count, stream) {
      const drawn = source.draw(count, stream);
      seen.push(...drawn.map(({ target }) => target));
      return drawn;
    },
  };
  const [plain, aligned] = [
    await makeRoundGroups(plan({ source: watched }), 16, 1, 0),
    await makeRoundGroups(plan({ source: watched, coupling: "aligned" }), 16, 1, 0),
  ];
  assert.deepEqual(seen.slice(0, 2), seen.slice(2));
  assert.ok(distance(aligned, seen) < 0.6 * distance(plain, seen));
});

Deno.test("makeKnowledgeGroups() asks the teacher at all times and weighs as training does", async () => {
  const groups = await makeKnowledgeGroups(plan(), 32, 1, 0),
    times = groups.flatMap(({ conditions }) => timesOf(conditions)).sort();
  times.forEach((t, k) => assert.ok(t >= k / 32 && t <= (k + 1) / 32, "one in each part of (0, 1)"));
  for (const { shape, z, target, conditions: [{ time }], sigma, weights } of groups) {
    const from = molecule(z, shape, 0), to = molecule(target, shape, 0);
    to.forEach((value, i) => assert.ok(Math.abs(value - Math.tanh(from[i]) * (1 - time)) < 1e-6));
    lossWeights(sigma[0]).forEach((weight, k) => assert.ok(Math.abs(weights[k] / weight - 1) < 1e-5));
  }
});

Deno.test("secondShare() lies in [0, 1], is exact at the data and stays accurate for steps that float32 cannot tell apart", () => {
  for (const variant of ["ddim", "ddpm"] as const) {
    for (const N of [1, 2, 63, 1000, 100_000]) {
      for (const i of [0, Math.floor(N / 2), N - 1]) {
        const [t, u, v] = [1 - i / N, 1 - (i + 0.5) / N, 1 - (i + 1) / N].map((time) => schedule(Math.max(0, time)));
        const w = secondShare(variant, t, u, v);
        assert.ok(w >= 0 && w <= 1, `${variant} ${N} ${i}: ${w}`);
        if (i === N - 1) assert.equal(w, 1);
      }
    }
  }
  // Two equal small steps in the middle share the change evenly.
  const h = 1e-7, w = secondShare("ddim", schedule(0.5), schedule(0.5 - h), schedule(0.5 - 2 * h));
  assert.ok(Math.abs(w - 0.5) < 1e-5);
  assert.throws(() => secondShare("ddim", schedule(0.2), schedule(0.5), schedule(0.1)), RangeError);
});

Deno.test("targetEntropy() is the cross-entropy of a target with itself", () => {
  const one = { vectors: 1, scalars: 2, pairs: 0 }, shape = { batch: 1, nodes: 2 };
  const target = new Float32Array([0, 0, 0, 0.5, 0, 0, 0, 0, 0.25, 0.25]), row = new Float32Array(1);
  const group = {
    shape,
    z: target,
    target,
    conditions: [{ time: 0 }],
    alpha: row,
    sigma: row,
    weights: new Float32Array([1, 3, 1]),
  };
  assert.ok(Math.abs(targetEntropy(one, [group]) - 3 * Math.log(2) / 2) < 1e-6);
});
