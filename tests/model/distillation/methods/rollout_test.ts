import assert from "node:assert/strict";
import { eachCondition } from "../../../../model/diffusion/condition.ts";
import type { Denoiser } from "../../../../model/diffusion/denoiser.ts";
import { makeGrid } from "../../../../model/diffusion/grids.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import type { Random } from "../../../../model/diffusion/random.ts";
import { planSampling, runPlan, startOf } from "../../../../model/diffusion/samplers/mod.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import type { DeparturePlan } from "../../../../model/distillation/departures.ts";
import { makeRolloutGroups, rollout } from "../../../../model/distillation/methods/rollout.ts";
import type { LatentSource } from "../../../../model/distillation/source.ts";
import { timesOf } from "../../../conditions.ts";

const space = { vectors: 1, scalars: 2, pairs: 1 }, schedule = cosineSchedule();

const source: LatentSource = {
  description: "noise",
  draw(count: number, stream: Random) {
    const large = Math.floor(count / 2);
    return [{ batch: large, nodes: 4 }, { batch: count - large, nodes: 3 }]
      .map((shape) => ({ shape, target: drawNoise(space, shape, Array(shape.batch).fill(stream)) }));
  },
};

/** A teacher whose estimate is a smooth function of latent and time, and which counts its molecules. */
function teacher(asked: { molecules: number } = { molecules: 0 }): Denoiser {
  return {
    space,
    predict: (z, { batch }, conditions) => {
      asked.molecules += batch;
      const each = eachCondition(conditions, batch), length = z.length / batch;
      return Promise.resolve(z.map((value, i) => Math.tanh(value) * (1 - each[Math.floor(i / length)].time / 2)));
    },
    can: {},
    dispose() {},
  };
}

const plan = (more: Partial<DeparturePlan> = {}): DeparturePlan => ({
  schedule,
  source,
  coupling: "independent",
  teacher: teacher(),
  teacherSteps: 8,
  grid: { type: "uniform" },
  serves: [2],
  startOf: () => undefined,
  ...more,
});

Deno.test("makeRolloutGroups() teaches where the teacher's own deterministic sampling ends, from every time of the student's grid", async () => {
  const groups = await makeRolloutGroups(plan({ serves: [2, 4] }), 24, 1, 0), seen = new Set<string>();
  assert.equal(groups.reduce((sum, { shape }) => sum + shape.batch, 0), 24);
  for (const { shape, z, target, conditions } of groups) {
    const length = latentLength(space, shape.nodes);
    for (let b = 0; b < shape.batch; b++) {
      const { time, steps } = conditions[b], own = z.slice(b * length, (b + 1) * length);
      seen.add(`${steps} ${time}`);
      const grid = Float64Array.from([...makeGrid({ type: "uniform" }, 8, schedule)].filter((t) => t <= time));
      assert.equal(grid[0], time, "a time of the teacher's, too");
      const alone = { batch: 1, nodes: shape.nodes }, denoiser = teacher();
      const end = await runPlan(
        planSampling("ddim", schedule, grid),
        (z, t) => denoiser.predict(z, alone, { time: t }),
        own,
        () => assert.fail("no noise"),
      );
      end.forEach((value, i) => assert.ok(Math.abs(value - target[b * length + i]) < 1e-6));
    }
  }
  assert.deepEqual([...seen].sort(), ["2 0.5", "2 1", "4 0.25", "4 0.5", "4 0.75", "4 1"]);
});

Deno.test("makeRolloutGroups() begins where sampling begins, and is a function of seed and update alone", async () => {
  const values = schedule(makeGrid({ type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 7 }, 1, schedule)[0]);
  const pair = (count: number) => Array(count).fill([5, 0]) as [number, number][];
  const moments = { vectors: [0], scalars: pair(2), pairs: pair(1) };
  const matched = plan({
    serves: [1],
    grid: { type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 7 },
    startOf: (nodes) => startOf(moments, space, nodes, values, 1),
  });
  const [a, again, other] = await Promise.all([7, 7, 8].map((update) => makeRolloutGroups(matched, 8, 1, update)));
  assert.deepEqual(again, a);
  assert.notDeepEqual(other[0].z, a[0].z);
  // The source's molecules are standard noise: a mean of 5 alpha is the start's.
  const { z, shape: { nodes } } = a[0],
    scalars = z.filter((_, k) => {
      const within = k % latentLength(space, nodes);
      return within < nodes * 5 && within % 5 >= 3;
    });
  const mean = scalars.reduce((sum, value) => sum + value) / scalars.length;
  assert.ok(Math.abs(mean - 5 * values.alpha) < 0.6, `${mean}`);
});

Deno.test("rollout's estimate of the teacher's calls is what batches take", async () => {
  const asked = { molecules: 0 }, serves = [2, 4], settings = { variant: "ddim", from: 8, to: 2, keep: [4] } as const;
  const whole = {
    ...settings,
    grid: { type: "uniform" },
    clamp: 0,
    options: {},
    match: { classes: 0 },
    batch: 400,
    seed: 1,
  } as const;
  const groups = await makeRolloutGroups(plan({ serves, teacher: teacher(asked) }), 400, 1, 0);
  const times = groups.flatMap(({ conditions }) => timesOf(conditions));
  assert.equal(asked.molecules, times.reduce((sum, time) => sum + 8 * time, 0), "one call a teacher's step from there");
  const each = rollout.work(whole).teacher;
  assert.ok(Math.abs(asked.molecules / 400 / each - 1) < 0.05, `${asked.molecules / 400} and ${each}`);
});
