import assert from "node:assert/strict";
import { realigner } from "../../../../model/diffusion/coupling/align.ts";
import { makeGrid, powerGrid, uniformGrid } from "../../../../model/diffusion/grids.ts";
import { centre, drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { readSafetensors } from "../../../../model/diffusion/safetensors.ts";
import {
  ancestralStep,
  applyStep,
  consistencyStep,
  ddimStep,
  ddpmEnd,
  ddpmStep,
  type Denoise,
  firstLatents,
  parseSamplerOptions,
  planSampling,
  runPlan,
  type SamplerName,
  samplerName,
  startOf,
} from "../../../../model/diffusion/samplers/mod.ts";
import { cosineSchedule, polynomialSchedule } from "../../../../model/diffusion/schedules.ts";
import type { DrawNoise, Grid, Schedule } from "../../../../model/diffusion/types.ts";

const schedules = { cosine: cosineSchedule(), polynomial: polynomialSchedule() };
/** The data of these tests: every number normal, with this mean and deviation. */
const MEAN = 0.7, DEVIATION = 0.4;
/** Runs the named sampler over a grid. */
const sample = async (
  name: SamplerName,
  denoise: Denoise,
  schedule: Schedule,
  grid: Grid,
  z: Float32Array,
  noise: DrawNoise,
  options: unknown = {},
  signal?: AbortSignal,
) => await runPlan(planSampling(name, schedule, grid, options), denoise, z, noise, signal);

const noNoise: DrawNoise = () => assert.fail("no noise was to be drawn");

/** Deviation of z_t = alpha x + sigma noise. */
const spread = ({ alpha, sigma }: { alpha: number; sigma: number }) => Math.hypot(alpha * DEVIATION, sigma);

/** E[x | z_t] of the Gaussian data: linear in z_t. */
function posteriorMean(schedule: Schedule) {
  return (z: Float32Array, t: number) => {
    const values = schedule(t), gain = DEVIATION ** 2 * values.alpha / spread(values) ** 2;
    return Promise.resolve(z.map((value) => MEAN + gain * (value - values.alpha * MEAN)));
  };
}

/** The end of the probability flow from z_t: the consistency function of the Gaussian data. */
function flowEnd(schedule: Schedule) {
  return (z: Float32Array, t: number) => {
    const values = schedule(t), gain = DEVIATION / spread(values);
    return Promise.resolve(z.map((value) => MEAN + gain * (value - values.alpha * MEAN)));
  };
}

/** Largest distance from the flow's exact end, from five starts. */
async function flowError(name: SamplerName, schedule: Schedule, grid: Grid, options: object = {}): Promise<number> {
  const z = Float32Array.of(-2.5, -1, 0, 0.8, 3);
  const exact = await flowEnd(schedule)(z, 1);
  const found = await sample(name, posteriorMean(schedule), schedule, grid, z, noNoise, options);
  return Math.max(...found.map((value, i) => Math.abs(value - exact[i])));
}

/**
 * Mean and variance of a stochastic sampler's end, without drawing anything: with a linear denoiser the end is linear
 * in z and in each noise, so unit impulses, one a column, give every coefficient.
 */
async function moments(name: SamplerName, denoise: Denoise, schedule: Schedule, grid: Grid, options: object = {}) {
  const columns = grid.length + 1, z = new Float32Array(columns);
  z[1] = 1;
  let draws = 0;
  const impulse = () => {
    const noise = new Float32Array(columns);
    noise[2 + draws++] = 1;
    return noise;
  };
  const end = await sample(name, denoise, schedule, grid, z, impulse, options);
  let variance = 0;
  for (let k = 1; k < columns; k++) variance += (end[k] - end[0]) ** 2;
  return { mean: end[0], variance, draws };
}

/** Least-squares slope of -log2(error) against log2(steps). */
function order(steps: readonly number[], errors: readonly number[]): number {
  const x = steps.map(Math.log2), y = errors.map((e) => -Math.log2(e));
  const mx = x.reduce((a, b) => a + b) / x.length, my = y.reduce((a, b) => a + b) / y.length;
  return x.reduce((s, v, i) => s + (v - mx) * (y[i] - my), 0) / x.reduce((s, v) => s + (v - mx) ** 2, 0);
}

/** Even in log-SNR down to sigma = 3e-4: there theory's orders hold as they stand, and the end costs nothing. */
const evenly = (steps: number, schedule: Schedule) => makeGrid({ type: "logSnr", last: 16 }, steps, schedule);

const STEPS = [64, 128, 256, 512];

for (
  const [name, options, expected] of [
    ["ddim", { eta: 0 }, 1],
    ["dpm-solver++", { order: 1 }, 1],
    ["dpm-solver++", { order: 2 }, 2],
    ["heun", {}, 2],
  ] as const
) {
  const label = `sample("${name}", ${JSON.stringify(options)})`;
  Deno.test(`${label} converges to the probability flow at order ${expected}`, async () => {
    const schedule = schedules.cosine, errors: number[] = [];
    for (const steps of STEPS) errors.push(await flowError(name, schedule, evenly(steps, schedule), options));
    const slope = order(STEPS, errors);
    assert.ok(Math.abs(slope - expected) < 0.1, `order ${slope}, errors ${errors}`);
  });
}

Deno.test('sample("dpm-solver++", {"order":3}) converges to the probability flow at order 3 at least', async () => {
  const schedule = schedules.cosine, errors: number[] = [], steps = [16, 32, 64, 128];
  for (const count of steps) {
    errors.push(await flowError("dpm-solver++", schedule, evenly(count, schedule), { order: 3 }));
  }
  // On this linear problem nearly 4; with x0'' at half its weight it would be 2.
  assert.ok(order(steps, errors) > 2.9, `order ${order(steps, errors)}, errors ${errors}`);
});

for (const [label, schedule] of Object.entries(schedules)) {
  Deno.test(`sample() of second order is nearer to the flow than of first on the ${label} schedule's uniform grid`, async () => {
    for (const steps of [16, 32, 64, 128]) {
      const grid = uniformGrid(steps);
      const first = await flowError("dpm-solver++", schedule, grid, { order: 1 });
      const second = await flowError("dpm-solver++", schedule, grid, { order: 2 });
      assert.ok(second < first / 5, `${steps} steps: ${second} against ${first}`);
      assert.ok(Math.abs(first - await flowError("ddim", schedule, grid)) < 1e-5, "first order is DDIM");
    }
  });
}

for (
  const [name, options] of [
    ["ddpm", {}],
    ["ancestral", { gamma: 0 }],
    ["ancestral", { gamma: 0.3 }],
    ["ancestral", { gamma: 1 }],
    ["ddim", { eta: 0.5 }],
    ["ddim", { eta: 1 }],
  ] as const
) {
  const label = `sample("${name}", ${JSON.stringify(options)})`;
  Deno.test(`${label} converges to the data's variance at order 1, and to their mean`, async () => {
    const schedule = schedules.cosine, errors: number[] = [], denoise = posteriorMean(schedule);
    for (const steps of STEPS) {
      const { mean, variance, draws } = await moments(name, denoise, schedule, evenly(steps, schedule), options);
      assert.equal(draws, steps - 1);
      assert.ok(Math.abs(mean - MEAN) < 1e-3, `mean ${mean} at ${steps} steps`);
      errors.push(Math.abs(variance - DEVIATION ** 2));
    }
    const slope = order(STEPS, errors);
    assert.ok(Math.abs(slope - 1) < 0.15, `order ${slope}, errors ${errors}`);
  });

  Deno.test(`${label} comes closer to the data's variance with steps on uniform grids`, async () => {
    for (const schedule of Object.values(schedules)) {
      let before = Infinity;
      for (const steps of [8, 16, 32, 64, 128]) {
        const { variance } = await moments(name, posteriorMean(schedule), schedule, uniformGrid(steps), options);
        const error = Math.abs(variance - DEVIATION ** 2);
        assert.ok(error < before, `${steps} steps: ${error} after ${before}`);
        before = error;
      }
      assert.ok(before < 0.015, `${before} at 128 steps`);
    }
  });
}

Deno.test('sample("consistency") is exact at any number of steps with a consistency function', async () => {
  for (const schedule of Object.values(schedules)) {
    for (const steps of [1, 2, 5, 40]) {
      const { mean, variance, draws } = await moments("consistency", flowEnd(schedule), schedule, uniformGrid(steps));
      assert.equal(draws, steps - 1);
      assert.ok(Math.abs(mean - MEAN) < 3e-3 && Math.abs(variance - DEVIATION ** 2) < 1e-5, `${mean}, ${variance}`);
    }
  }
});

Deno.test('sample("consistency") with a posterior mean follows its own recursion, and shrinks the spread', async () => {
  for (const schedule of Object.values(schedules)) {
    for (const steps of [2, 8, 32]) {
      const grid = powerGrid(steps, 1.5);
      let spreadOfZ = 1, expected = 0;
      for (let i = 0; i < steps; i++) {
        const t = schedule(grid[i]);
        expected = (DEVIATION ** 2 * t.alpha / spread(t) ** 2) ** 2 * spreadOfZ;
        const s = schedule(grid[i + 1]);
        spreadOfZ = s.alpha ** 2 * expected + s.sigma ** 2;
      }
      const { variance } = await moments("consistency", posteriorMean(schedule), schedule, grid);
      assert.ok(Math.abs(variance - expected) < 1e-5 && variance < DEVIATION ** 2, `${variance}, ${expected}`);
    }
  }
});

const names = samplerName.options;

/** Molecules of 4 nodes in a space with vectors, scalars and pairs, each from its own stream. */
const space = { vectors: 2, scalars: 3, pairs: 2 }, nodes = 4, length = latentLength(space, nodes);

/** A denoiser that mixes the numbers of a molecule, keeps it centred, and never looks at another. */
const mixing: Denoise = (z, t) => {
  const x0 = z.map((value, i) => Math.tanh(value + t * z[i - i % length + (i * 7 + 3) % length]));
  return Promise.resolve(centre(x0, space, { batch: z.length / length, nodes }));
};

/** Samples of the molecules with these indices, in one batch. */
async function batchOf(name: SamplerName, indices: readonly number[]): Promise<Float32Array[]> {
  const shape = { batch: indices.length, nodes }, streams = indices.map((index) => random(42, index));
  const draw = () => drawNoise(space, shape, streams);
  const end = await sample(name, mixing, schedules.cosine, uniformGrid(6), draw(), draw);
  return indices.map((_, b) => end.slice(b * length, (b + 1) * length));
}

Deno.test("sample() gives a molecule of a seed whatever else is in the batch", async () => {
  for (const name of names) {
    const [alone] = await batchOf(name, [17]), [, , together] = await batchOf(name, [3, 90, 17, 4]);
    assert.deepEqual(together, alone, name);
    assert.notDeepEqual((await batchOf(name, [18]))[0], alone, name);
  }
});

Deno.test("sample() keeps positions centred and pairs symmetric", async () => {
  for (const name of names) {
    const seen: Float32Array[] = [], shape = { batch: 2, nodes }, streams = [random(1, 0), random(1, 1)];
    const draw = () => drawNoise(space, shape, streams);
    // A denoiser that is itself symmetric; what the sampler makes of it must be so at every call.
    const shrink: Denoise = (z) => {
      seen.push(z.slice());
      return Promise.resolve(z.map((value) => value / 2));
    };
    seen.push(await sample(name, shrink, schedules.polynomial, uniformGrid(5), draw(), draw));
    assert.equal(seen.length, 6);
    for (const z of seen) {
      for (const from of [0, length]) {
        for (let axis = 0; axis < 3; axis++) {
          const sum = [0, 1, 2, 3].reduce((total, node) => total + z[from + node * 9 + axis], 0);
          assert.ok(Math.abs(sum) < 1e-5, `${name}: ${sum}`);
        }
        const pair = (i: number, j: number) => z[from + 4 * 9 + (i * nodes + j) * 2];
        for (let i = 0; i < nodes; i++) for (let j = 0; j < i; j++) assert.equal(pair(i, j), pair(j, i));
      }
    }
  }
});

/** Times of a sampler's calls over this grid. */
function timesOver(name: SamplerName, grid: Grid): number[] {
  const times = [...grid.subarray(0, -1)], calls = times.length;
  if (name !== "heun" || calls < 3) return times;
  // Every second time of the grid is where an interval ends: a call there for this one, and one for the next.
  return times.map((t, k) => k < calls - 1 && (calls - k) % 2 === 1 && k > 0 ? grid[k + 1] : t);
}

Deno.test("sample() calls the denoiser once a step, at the sampler's times, and leaves its arguments alone", async () => {
  for (const name of names) {
    for (const steps of [1, 2, 7]) {
      const grid = powerGrid(steps, 2), z = Float32Array.of(1, -1, 0.5), times: number[] = [], kept = z.slice();
      const shared = new Float32Array(3);
      const denoise: Denoise = (state, t) => {
        times.push(t);
        shared.set(state.map((value) => value / 2));
        return Promise.resolve(shared); // valid until the next call only
      };
      const end = await sample(name, denoise, schedules.cosine, grid, z, () => new Float32Array(3).fill(0.1));
      assert.deepEqual(times, timesOver(name, grid), `${name}, ${steps} steps`);
      assert.deepEqual(z, kept);
      assert.notEqual(end, shared);
      assert.deepEqual(end, shared);
    }
  }
});

Deno.test("sample() stops when its signal aborts", async () => {
  for (const name of names) {
    const controller = new AbortController();
    let calls = 0;
    const denoise: Denoise = (z) => {
      if (++calls === 3) controller.abort(new Error("enough"));
      return Promise.resolve(z.slice());
    };
    const noise = () => new Float32Array(2);
    const run = sample(name, denoise, schedules.cosine, uniformGrid(9), noise(), noise, {}, controller.signal);
    await assert.rejects(run, /enough/);
    assert.equal(calls, 3);
    const late = sample(name, denoise, schedules.cosine, uniformGrid(9), noise(), noise, {}, controller.signal);
    await assert.rejects(late, /enough/);
    assert.equal(calls, 3);
  }
});

Deno.test("sample() refuses unknown samplers, options, grids and lengths", async () => {
  const noise = () => new Float32Array(2);
  const run = (name: SamplerName, grid: Grid, options: unknown = {}, denoise: Denoise = (z) => Promise.resolve(z)) =>
    sample(name, denoise, schedules.cosine, grid, noise(), noise, options);
  await assert.rejects(
    run("euler" as SamplerName, uniformGrid(2)),
    /sampler must be one of ddpm, ancestral, .*; got "euler"/,
  );
  await assert.rejects(run("ddim", uniformGrid(2), { eta: 2 }), /options of the sampler "ddim":[\s\S]*eta/);
  await assert.rejects(run("ddpm", uniformGrid(2), { eta: 1 }), /options of the sampler "ddpm":[\s\S]*eta/);
  assert.throws(() => parseSamplerOptions("ancestral", { gamma: -0.1 }), TypeError);
  for (const name of names) {
    await assert.rejects(run(name, Float64Array.of(1, 0.5)), /a grid must go from at most 1 to 0/);
    await assert.rejects(
      run(name, Float64Array.of(1, 0.5, 0.5, 0)),
      /a grid must fall strictly, got 0.5 then 0.5 at 2/,
    );
    const short: Denoise = () => Promise.resolve(new Float32Array(1));
    await assert.rejects(
      run(name, uniformGrid(2), {}, short),
      /the denoiser gave 1 numbers at t = 1 for a latent of 2/,
    );
  }
});

Deno.test("steps agree with the textbook forms of their papers", () => {
  const schedule = schedules.polynomial;
  for (const [t, s] of [[1, 0.9], [0.6, 0.5], [0.5, 0.1], [0.01, 0]]) {
    const from = schedule(t), to = schedule(s);
    const ratio = from.alpha / to.alpha, added = from.sigma ** 2 - ratio ** 2 * to.sigma ** 2;
    const posterior = {
      z: ratio * to.sigma ** 2 / from.sigma ** 2,
      x0: to.alpha * added / from.sigma ** 2,
      noise: Math.sqrt(added) * to.sigma / from.sigma,
    };
    const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b} from ${t} to ${s}`);
    for (const step of [ddpmStep(from, to), ancestralStep(from, to, 0), ddimStep(from, to, 1)]) {
      for (const key of ["z", "x0", "noise"] as const) near(step[key], posterior[key]);
    }
    near(ancestralStep(from, to, 1).noise, Math.sqrt(added));
    near(ancestralStep(from, to, 0.5).noise, Math.sqrt(Math.sqrt(added) * posterior.noise));
    const plain = ddimStep(from, to);
    near(plain.z, to.sigma / from.sigma);
    near(plain.x0, to.alpha - from.alpha * to.sigma / from.sigma);
    assert.equal(plain.noise, 0);
    assert.deepEqual(consistencyStep(from, to), { z: 0, x0: to.alpha, noise: to.sigma });
  }
  const { alpha, sigma } = schedule(0);
  assert.deepEqual(ddpmEnd(schedule), { z: 0, x0: 1, noise: sigma / alpha });
});

Deno.test("steps stay finite at pure noise and at clean data", () => {
  const noise = { alpha: 0, sigma: 1, logSnr: -Infinity }, data = { alpha: 1, sigma: 0, logSnr: Infinity };
  const middle = { alpha: Math.SQRT1_2, sigma: Math.SQRT1_2, logSnr: 0 };
  for (const [from, to] of [[noise, middle], [middle, data], [noise, data]]) {
    for (const step of [ddpmStep, ddimStep, consistencyStep]) {
      const { z, x0, noise } = step(from, to);
      assert.ok([z, x0, noise].every(Number.isFinite), `${step.name}: ${[z, x0, noise]}`);
      if (to === data) assert.deepEqual([z, x0, noise], [0, 1, 0]);
    }
    const larger = ancestralStep(from, to, 1);
    assert.ok(Object.values(larger).every(Number.isFinite));
  }
});

const shared = Deno.env.get("MOLSTEP_SHARED") ?? new URL("../../../../../shared", import.meta.url).pathname;
const expected = `${shared}/reference/geoldm_tiny/expected.safetensors`;
const present = await Deno.stat(expected).then(() => true, () => false);

Deno.test({
  name: "ddimStep() takes the reference's z_t to its z_v in one step with the distillation target as x0",
  ignore: !present,
  fn() {
    const reference = readSafetensors(Deno.readFileSync(expected)), of = (name: string) => reference.get(name)!.data;
    const schedule = polynomialSchedule({ timesteps: 8 }), molecule = 13 * 5;
    const scale = Math.max(...of("pd_zv").map(Math.abs));
    for (let b = 0; b < 3; b++) {
      const t = of("pd_t")[b], part = (name: string) => of(name).slice(b * molecule, (b + 1) * molecule);
      const z = part("pd_zt"), step = ddimStep(schedule(t), schedule(t - 2 / 8));
      applyStep(step, z, part("pd_target"), noNoise);
      part("pd_zv").forEach((value, i) => assert.ok(Math.abs(z[i] - value) < 1e-5 * scale, `${z[i]} is not ${value}`));
    }
  },
});

Deno.test('sample("consistency") with `after` makes DDPM\'s steps up to that log-SNR, and draws afresh beyond', () => {
  const grid = makeGrid({ type: "logSnr", first: -2, last: 8 }, 10, schedules.cosine);
  const [mixed, ddpm, fresh] = ([["consistency", { after: 3 }], ["ddpm", {}], ["consistency", {}]] as const)
    .map(([name, options]) => planSampling(name, schedules.cosine, grid, options));
  const early = mixed.filter((_, k) => k < 9 && schedules.cosine(grid[k + 1]).logSnr < 3).length;
  assert.ok(early > 2 && early < 8);
  assert.deepEqual(mixed, [...ddpm.slice(0, early), ...fresh.slice(early)]);
  // With `gamma` those steps are `ancestral`'s of that gamma.
  const [wide, ancestral] = ([["consistency", { after: 3, gamma: 1 }], ["ancestral", { gamma: 1 }]] as const)
    .map(([name, options]) => planSampling(name, schedules.cosine, grid, options));
  assert.notDeepEqual(wide, mixed);
  assert.deepEqual(wide, [...ancestral.slice(0, early), ...fresh.slice(early)]);
  assert.throws(() => planSampling("consistency", schedules.cosine, grid, { before: 3 }), TypeError);
});

Deno.test("firstLatents() is noise, or with a start a draw of the data's mean and spread under aligned noise", async () => {
  const space = { vectors: 1, scalars: 2, pairs: 1 }, nodes = 4, batch = 4000, shape = { batch, nodes };
  const moments = {
    vectors: [0.7],
    scalars: [[0.3, 0.1], [0, 0]] as [number, number][],
    pairs: [[-0.2, 0.4]] as [number, number][],
  };
  const draw = (seed: number) => {
    const stream = random(seed);
    return () => drawNoise(space, shape, Array(batch).fill(stream));
  };
  assert.deepEqual(await firstLatents(draw(1)), draw(1)());
  const values = { alpha: 0.8, sigma: 0.6 }, start = startOf(moments, space, nodes, values, 0.5);
  const [plain, aligned] = await Promise.all(
    [undefined, realigner("aligned", space, shape)].map((realign) => firstLatents(draw(1), start, realign)),
  );
  const length = plain.length / batch, width = 5;
  const spread = (z: Float32Array, which: (k: number) => boolean) => {
    let count = 0, sum = 0, squares = 0;
    z.forEach((value, k) => which(k % length) && (count++, sum += value, squares += value ** 2));
    return [sum / count, squares / count - (sum / count) ** 2];
  };
  const near = ([mean, variance]: number[], expected: number[]) =>
    assert.ok(Math.abs(mean - expected[0]) < 0.02 && Math.abs(variance - expected[1]) < 0.02, `${mean} ${variance}`);
  const inNode = (k: number) => k < nodes * width ? k % width : -1;
  near(spread(plain, (k) => inNode(k) === 3), [0.8 * 0.3, 0.64 * 0.05 ** 2 + 0.36]);
  near(spread(plain, (k) => inNode(k) === 4), [0, 0.36]);
  near(spread(plain, (k) => k >= nodes * width && (k - nodes * width) % (nodes + 1) !== 0), [
    -0.16,
    0.64 * 0.2 ** 2 + 0.36,
  ]);
  const position = (k: number) => inNode(k) >= 0 && inNode(k) < 3;
  // Centred, so 3/4 of the variance; noise that lies as x does adds to it, noise that does not does not.
  near(spread(plain, position), [0, 0.75 * (0.64 * 0.35 ** 2 + 0.36)]);
  assert.ok(spread(aligned, position)[1] > 1.2 * spread(plain, position)[1]);
  plain.forEach((value, k) => position(k % length) || assert.equal(aligned[k], value));
});

Deno.test('sample("heun") makes 16 calls over 8 intervals, two of them at each time between', () => {
  const grid = uniformGrid(16), plan = planSampling("heun", schedules.cosine, grid);
  assert.equal(plan.length, 16);
  const ends = [...new Set(plan.map(({ t }) => t))].sort((a, b) => b - a);
  // Seven intervals of two calls, and the last in two steps of the first order.
  assert.deepEqual(ends, [...[0, 2, 4, 6, 8, 10, 12, 14].map((k) => grid[k]), grid[15]]);
  assert.equal(plan.filter(({ before }) => before).length, 7);
});

Deno.test("runPlan() carries out plans whose times stay or rise: a restart keeps the distribution of what it comes back to", async () => {
  const { cosine: schedule } = schedules, [t, s] = [0.6, 0.3].map(schedule), data = schedule(1e-6);
  // From t a draw of s, then noise added up to t again, three times; exact for a denoiser that knows the data.
  const down = ddpmStep(t, s), ratio = t.alpha / s.alpha, added = Math.sqrt(t.sigma ** 2 - ratio ** 2 * s.sigma ** 2);
  const again = { t: 0.6, ...t, z: ratio * down.z, x0: ratio * down.x0, noise: Math.hypot(ratio * down.noise, added) };
  const end = { t: 0.6, ...t, ...ddpmStep(t, data) }, last = { t: 1e-6, ...data, z: 0, x0: 1, noise: 0 };
  const plan = [again, again, again, end, last], count = 20_000, times: number[] = [];
  const draw = random(4), noise = () => Float32Array.from({ length: count }, () => draw.normal());
  // Data of one value: x0 is known, so every step is exact.
  const denoise: Denoise = (z, time) => (times.push(time), Promise.resolve(z.map(() => MEAN)));
  const start = noise().map((e) => t.alpha * MEAN + t.sigma * e);
  let seen = new Float32Array();
  await runPlan(plan, (z, time, step) => (step === end && (seen = z.slice()), denoise(z, time, step)), start, noise);
  assert.deepEqual(times, [0.6, 0.6, 0.6, 0.6, 1e-6]);
  const mean = seen.reduce((a, b) => a + b) / count, variance = seen.reduce((a, b) => a + (b - mean) ** 2, 0) / count;
  assert.ok(
    Math.abs(mean - t.alpha * MEAN) < 0.02 && Math.abs(variance / t.sigma ** 2 - 1) < 0.05,
    `${mean} ${variance}`,
  );
});

Deno.test("runPlan() hands steps the estimates of the calls before, the latest first", async () => {
  const values = [1, 10, 100, 1000, 7], z = Float32Array.of(0), seen: number[] = [];
  const at = { t: 0.5, alpha: 1, sigma: 0, z: 0, x0: 0, noise: 0 };
  const plan = [at, at, at, { ...at, x0: 2, before: [3, 5, 7] }, { ...at, x0: 1 }];
  let call = 0;
  const denoise: Denoise = (state) => (seen.push(state[0]), Promise.resolve(Float32Array.of(values[call++])));
  const end = await runPlan(plan, denoise, z, noNoise);
  assert.deepEqual(seen, [0, 0, 0, 0, 2000 + 300 + 50 + 7]);
  assert.deepEqual([...end], [7]);
});
