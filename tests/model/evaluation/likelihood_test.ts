import assert from "node:assert/strict";
import { random } from "../../../model/diffusion/random.ts";
import { cosineSchedule, timeAtLogSnr } from "../../../model/diffusion/schedules.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { latentMeasure, type LikelihoodOptions, logLikelihoods } from "../../../model/evaluation/likelihood.ts";

const schedule = cosineSchedule(),
  time = timeAtLogSnr(schedule, 6),
  noise = schedule(time).sigma / schedule(time).alpha;

/** Signs, for which Hutchinson's trace of a diagonal is exact. */
const signs = (length: number) => () => Float32Array.from({ length }, (_, k) => (k * 2654435761 >>> 7) % 2 ? 1 : -1);

/** The estimate of x0 for data that are normal about a mean with these variances, each number by itself. */
const gaussian = (mean: number, variances: readonly number[]): LikelihoodOptions["estimate"] => (z, t) => {
  const { alpha, sigma } = schedule(t), L = variances.length;
  return Promise.resolve(z.map((value, k) => {
    const v = variances[k % L];
    return mean + alpha * v / (alpha ** 2 * v + sigma ** 2) * (value - alpha * mean);
  }));
};

const logNormal = (x: number, mean: number, variance: number) =>
  -Math.log(2 * Math.PI * variance) / 2 - (x - mean) ** 2 / (2 * variance);

Deno.test("logLikelihoods() of independent normals are the known ones, at the noise of the time", async () => {
  const variances = [1, 0.04, 4], L = variances.length, x = [0.3, 0.1, -2.5, -1, 0.5, 3];
  const { alpha } = schedule(time), z = Float32Array.from(x, (value) => alpha * value);
  const measure = { dimensions: L, weights: new Float64Array(L).fill(1) };
  const options = { schedule, measure, probe: signs(2 * L), estimate: gaussian(0.25, variances) };
  const known = [0, 1].map((b) =>
    variances.reduce((sum, v, k) => sum + logNormal(x[b * L + k], 0.25, v + noise ** 2), 0)
  );
  const errors = async (steps: number) =>
    (await logLikelihoods(z, 2, time, { ...options, steps })).map((value, b) => Math.abs(value - known[b]));
  const coarse = await errors(32), fine = await errors(128);
  assert.ok(fine.every((error) => error < 0.02), `${fine}`);
  assert.ok(Math.max(...coarse) > 4 * Math.max(...fine), `errors fall with steps: ${coarse}, ${fine}`);
});

Deno.test("logLikelihoods() of correlated normals are the known ones in the mean, by normal probes", async () => {
  // Pairs of numbers of variance 1 with correlation 0.8: along (1, 1) 1.8, across 0.2.
  const estimate: LikelihoodOptions["estimate"] = (z, t) => {
    const { alpha, sigma } = schedule(t), gain = (v: number) => alpha * v / (alpha ** 2 * v + sigma ** 2);
    return Promise.resolve(z.map((value, k) => {
      const other = z[k ^ 1];
      return gain(1.8) * (value + other) / 2 + gain(0.2) * (value - other) / 2;
    }));
  };
  const batch = 2000, { alpha } = schedule(time), stream = random(5), normal = new Float32Array(2 * batch);
  const z = Float32Array.from({ length: 2 * batch }, (_, k) => alpha * [0.9, -0.2][k % 2]);
  const probe = () => (stream.fillNormal(normal, 0, 2 * batch), normal.slice());
  const measure = { dimensions: 2, weights: Float64Array.of(1, 1) };
  const found = await logLikelihoods(z, batch, time, { schedule, measure, probe, estimate, steps: 64 });
  const along = 0.7 / Math.SQRT2, across = 1.1 / Math.SQRT2;
  const known = logNormal(along, 0, 1.8 + noise ** 2) + logNormal(across, 0, 0.2 + noise ** 2);
  const mean = found.reduce((sum, value) => sum + value, 0) / batch;
  assert.ok(Math.abs(mean - known) < 0.05, `${mean} for ${known}`);
});

Deno.test("latentMeasure() counts what is independent, and the noise has as many dimensions", () => {
  const space = { vectors: 2, scalars: 3, pairs: 2 }, nodes = 4, { dimensions, weights } = latentMeasure(space, nodes);
  assert.equal(dimensions, 4 * 9 - 3 + 2 * 6);
  const batch = 4000, streams = Array.from({ length: batch }, (_, k) => random(3, k));
  const drawn = drawNoise(space, { batch, nodes }, streams);
  const mean = drawn.reduce((sum, value, k) => sum + weights[k % weights.length] * value ** 2, 0) / batch;
  assert.ok(Math.abs(mean - dimensions) < 6 * Math.sqrt(2 * dimensions / batch), `${mean} for ${dimensions}`);
});

Deno.test("logLikelihoods() refuses a time without noise and latents of another length", async () => {
  const measure = { dimensions: 2, weights: Float64Array.of(1, 1) };
  const options = { schedule, measure, probe: signs(2), estimate: gaussian(0, [1, 1]) };
  await assert.rejects(logLikelihoods(new Float32Array(2), 1, 0, options), /the time must have noise; got 0/);
  await assert.rejects(logLikelihoods(new Float32Array(3), 1, 0.5, options), /latents must be 1 x 2 floats; got 3/);
});
