/** Sweeps over a window of a plan, against one step after the other. */
import assert from "node:assert/strict";
import { realigner } from "../../../../model/diffusion/coupling/align.ts";
import { makeGrid } from "../../../../model/diffusion/grids.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { planSampling, runPlan, type SamplerName, SAMPLERS } from "../../../../model/diffusion/samplers/mod.ts";
import {
  type DenoiseRows,
  mostCalls,
  type Parallel,
  runParallel,
} from "../../../../model/diffusion/samplers/parallel.ts";
import { resampled } from "../../../../model/diffusion/samplers/resample.ts";
import { makeSchedule } from "../../../../model/diffusion/schedules.ts";
import type { DrawNoise } from "../../../../model/diffusion/types.ts";

const schedule = makeSchedule({ type: "cosine", factor: 0.9995 });
const plan = (sampler: SamplerName, steps: number, options: object = {}) =>
  planSampling(sampler, schedule, makeGrid({ type: "logSnr", last: 9 }, steps, schedule), options);

/** Data: every number normal with this deviation about a mean, or one of two points with it about them. */
const DEVIATION = 0.3;

/** E[x | z_t] of the mixture of N(-1, DEVIATION^2) and N(1, DEVIATION^2), number by number. */
function mixture(z: number, t: number): number {
  const { alpha, sigma } = schedule(t), variance = (alpha * DEVIATION) ** 2 + sigma ** 2;
  const weight = Math.tanh(alpha * z / variance), gain = alpha * DEVIATION ** 2 / variance;
  return weight + gain * (z - alpha * weight);
}

/** E[x | z_t] of N(0.7, DEVIATION^2), number by number. */
function normal(z: number, t: number): number {
  const { alpha, sigma } = schedule(t), variance = (alpha * DEVIATION) ** 2 + sigma ** 2;
  return 0.7 + alpha * DEVIATION ** 2 / variance * (z - alpha * 0.7);
}

const rowsBy = (estimate: (z: number, t: number) => number): DenoiseRows => (z, rows) => {
  const length = z.length / rows.length;
  return Promise.resolve(z.map((value, k) => estimate(value, rows[Math.floor(k / length)].step.t)));
};

/** Normal numbers of a seed, `length` at a time. */
function normals(seed: number, length: number): DrawNoise {
  const stream = random(seed, 0);
  return () => Float32Array.from({ length }, () => stream.normal());
}

/** The same draws one step after the other, and in parallel. */
async function both(
  steps: ReturnType<typeof plan>,
  estimate: (z: number, t: number) => number,
  options: Parallel,
  { length = 12, batch = 3 } = {},
) {
  const z = normals(7, length * batch)();
  const sequential = await runPlan(
    steps,
    (z, t) => Promise.resolve(z.map((value) => estimate(value, t))),
    z,
    normals(8, length * batch),
  );
  const found = await runParallel(steps, rowsBy(estimate), z, normals(8, length * batch), { ...options, batch });
  const square = found.x0.reduce((sum, value, k) => sum + (value - sequential[k]) ** 2, 0);
  return { ...found, sequential, error: Math.sqrt(square / z.length) };
}

const OPTIONS: Partial<Record<SamplerName, object[]>> = {
  ddim: [{}, { eta: 0.5 }],
  "dpm-solver++": [{ order: 2 }, { order: 3 }],
  consistency: [{}, { after: 0, gamma: 1 }],
};

for (const sampler of SAMPLERS) {
  Deno.test(`runParallel() of tolerance 0 is ${sampler} one step after the other, to the last bit, in as many rounds at most`, async () => {
    for (const options of OPTIONS[sampler] ?? [{}]) {
      for (const steps of [1, 2, 9, 20]) {
        const { x0, sequential, efforts } = await both(plan(sampler, steps, options), mixture, {
          window: 6,
          tolerance: 0,
        });
        assert.deepEqual(x0, sequential, `${steps} steps, ${JSON.stringify(options)}`);
        for (const { rounds, calls } of efforts) {
          assert.ok(
            rounds <= steps && calls >= steps && calls <= mostCalls(steps, { window: 6 }),
            `${rounds} ${calls}`,
          );
        }
      }
    }
  });
}

Deno.test("runParallel() of tolerance 0 is runPlan() where noise is aligned to the estimates", async () => {
  const space = { vectors: 1, scalars: 1, pairs: 0 }, nodes = 5, length = latentLength(space, nodes), batch = 2;
  const target = drawNoise(space, { batch: 1, nodes }, [random(3, 0)]);
  // Pulls each latent towards one molecule, by how far it lies along it: alignment then matters, and estimates change.
  const estimate = (z: Float32Array, t: number) => {
    const { alpha, sigma } = schedule(t), share = alpha ** 2 / (alpha ** 2 + sigma ** 2);
    return z.map((value, k) => share * value + (1 - share) * target[k % length] * (1 + 0.3 * Math.tanh(value)));
  };
  const noises = () => {
    const streams = [random(4, 0), random(4, 1)];
    return () => drawNoise(space, { batch, nodes }, streams);
  };
  for (const sampler of ["ddpm", "consistency"] as const) {
    const steps = plan(sampler, 16), z = noises()(), realign = realigner("aligned", space, { batch, nodes });
    const sequential = await runPlan(
      steps,
      (z, t) => Promise.resolve(estimate(z, t)),
      z,
      noises(),
      undefined,
      realign,
    );
    const rows: DenoiseRows = (z, rows) => {
      const out = new Float32Array(z.length);
      rows.forEach(({ step }, k) => out.set(estimate(z.subarray(k * length, (k + 1) * length), step.t), k * length));
      return Promise.resolve(out);
    };
    const one = realigner("aligned", space, { batch: 1, nodes });
    const found = await runParallel(steps, rows, z, noises(), { batch, window: 8, tolerance: 0, realign: one });
    assert.deepEqual(found.x0, sequential, sampler);
    const without = await runParallel(steps, rows, z, noises(), { batch, window: 8, tolerance: 0 });
    assert.notDeepEqual(without.x0, sequential, sampler);
  }
});

Deno.test("runParallel() of normal data errs in proportion to its tolerance, and takes fewer rounds the larger it is", async () => {
  for (const sampler of ["ddim", "ddpm", "consistency"] as const) {
    const steps = plan(sampler, 64), seen: { tolerance: number; error: number; rounds: number }[] = [];
    for (const tolerance of [0.1, 0.01, 0.001, 0]) {
      const { error, efforts } = await both(steps, normal, { window: 16, tolerance });
      seen.push({ tolerance, error, rounds: Math.max(...efforts.map(({ rounds }) => rounds)) });
    }
    for (const [k, { tolerance, error, rounds }] of seen.entries()) {
      assert.ok(error <= 2 * tolerance, `${sampler}: ${error} at ${tolerance}`);
      assert.ok(k === 0 || rounds >= seen[k - 1].rounds, `${sampler}: ${JSON.stringify(seen)}`);
    }
    assert.ok(seen[0].rounds < 64 / 2, `${sampler}: ${JSON.stringify(seen)}`);
  }
});

Deno.test("runParallel() slides its window over a plan whose x0 is known, and calls for each step once", async () => {
  for (const [steps, window] of [[33, 8], [20, 6], [5, 8]]) {
    const asked: number[][] = [], own = plan("ddpm", steps);
    const denoise: DenoiseRows = (z, rows) => {
      asked.push(rows.map(({ step }) => own.indexOf(step)));
      return Promise.resolve(z.map(() => 0.4));
    };
    const z = normals(1, 4)();
    const { efforts } = await runParallel(own, denoise, z, normals(2, 4), { batch: 1, window, tolerance: 0 });
    assert.deepEqual(asked.flat(), own.map((_, k) => k));
    assert.ok(asked.slice(1, -1).every(({ length }) => length === window));
    assert.deepEqual(efforts, [{ rounds: 1 + Math.ceil((steps - 1) / window), calls: steps }]);
  }
});

Deno.test("runParallel() never asks for more than its window, and mostCalls() is what it asks for at worst", async () => {
  const own = plan("ddpm", 12), window = 4, asked: number[] = [];
  let call = 0;
  // Never twice the same estimate: nothing but the first of the window is ever found.
  const restless: DenoiseRows = (z, rows) => {
    asked.push(rows.length);
    call++;
    return Promise.resolve(z.map((_, k) => Math.sin(1000 * call + k)));
  };
  const { efforts: [{ rounds, calls }] } = await runParallel(own, restless, normals(1, 4)(), normals(2, 4), {
    batch: 1,
    window,
    tolerance: 0,
  });
  assert.equal(rounds, 12);
  assert.equal(calls, mostCalls(12, { window }));
  assert.equal(Math.max(...asked), window);
  assert.equal(mostCalls(12), 12);
  assert.equal(mostCalls(1, { window }), 1);
});

Deno.test("runParallel() gives a molecule the same whatever is beside it, and takes as much for it", async () => {
  const own = plan("ddpm", 24), length = 6, z = normals(5, 3 * length)(), options = { window: 8, tolerance: 0.05 };
  const together = await runParallel(own, rowsBy(mixture), z, normals(6, 3 * length), { ...options, batch: 3 });
  for (let k = 0; k < 3; k++) {
    const own1 = (all: Float32Array) => all.slice(k * length, (k + 1) * length), all = normals(6, 3 * length);
    const alone = await runParallel(own, rowsBy(mixture), own1(z), () => own1(all()), { ...options, batch: 1 });
    assert.deepEqual(alone.x0, own1(together.x0));
    assert.deepEqual(alone.efforts[0], together.efforts[k]);
  }
});

Deno.test("runParallel() carries out plans that go back by noise", async () => {
  const own = resampled(plan("consistency", 9), { times: 2, back: 2 });
  const { x0, sequential } = await both(own, mixture, { window: 8, tolerance: 0 });
  assert.deepEqual(x0, sequential);
});

Deno.test("runParallel() ends with the signal's reason, and says where a denoiser gives too few numbers", async () => {
  const own = plan("ddim", 8), gone = new AbortController(), options = { batch: 1, window: 4, tolerance: 0 };
  gone.abort(new Error("gone"));
  const z = normals(1, 4)(), noise = normals(2, 4);
  await assert.rejects(runParallel(own, rowsBy(normal), z, noise, { ...options, signal: gone.signal }), /gone/);
  await assert.rejects(
    runParallel(own, (z) => Promise.resolve(z.slice(1)), z, noise, options),
    /the denoiser gave 3 numbers for 1 latents of 4/,
  );
});
