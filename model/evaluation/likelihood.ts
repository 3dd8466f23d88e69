/** Log-likelihoods of latents under a model, by its probability-flow ODE. */
import { latentLength } from "../diffusion/latent.ts";
import { dpmSolverStep } from "../diffusion/samplers/dpm_solver_pp.ts";
import { timeAtLogSnr } from "../diffusion/schedules.ts";
import type { DrawNoise, LatentSpace, Schedule } from "../diffusion/types.ts";

/** The latents of a shape as a vector space: how many numbers are independent, and what each stored one counts. */
export interface LatentMeasure {
  /** Positions lose three to their mean; a pair is stored twice, and its diagonal is nothing. */
  readonly dimensions: number;
  /** `[L]`: 1, or 1/2 where a number is stored twice, 0 where it is none. */
  readonly weights: Float64Array;
}

/** The measure of the latents of one molecule of `nodes` nodes. */
export function latentMeasure(space: LatentSpace, nodes: number): LatentMeasure {
  const { vectors, scalars, pairs } = space, weights = new Float64Array(latentLength(space, nodes)).fill(1);
  const own = nodes * (3 * vectors + scalars);
  weights.fill(0.5, own);
  for (let i = 0; i < nodes; i++) {
    const diagonal = own + (i * nodes + i) * pairs;
    weights.fill(0, diagonal, diagonal + pairs);
  }
  return { dimensions: own - (vectors > 0 ? 3 : 0) + pairs * nodes * (nodes - 1) / 2, weights };
}

/** How to integrate. */
export interface LikelihoodOptions {
  readonly schedule: Schedule;
  /** Estimates of x0 `[B, L]` at a time. */
  readonly estimate: (z: Float32Array, time: number) => Promise<Float32Array>;
  readonly measure: LatentMeasure;
  /** Draws `[B, L]` of unit variance in the latents' space, which probe the trace: normals, or signs. */
  readonly probe: DrawNoise;
  /** Steps of the integration. Default 32. */
  readonly steps?: number;
  /** Probes of a trace. Default 1. */
  readonly probes?: number;
  /** How far a probe goes to either side, in units of the noise. Default 0.01. */
  readonly reach?: number;
  readonly signal?: AbortSignal;
}

/**
 * Log-likelihoods in nats, `[B]`, of latents at `time` divided by alpha: data with a little noise of sigma / alpha, without which classes and orders would have
 * no density (Song et al., "Score-based generative modeling through stochastic differential equations", 2021, eq. 39).
 *
 * In x = z / alpha and u = log(sigma / alpha) the flow is dx/du = x - D(x), with D the estimate of x0. Along it d log p / du = tr(dD/dx) - d, and at t = 1
 * z is a standard normal. Steps are {@link dpmSolverStep}'s of second order, from data to noise, even in u; the trace is Hutchinson's, v' (dD/dx) v in the mean over probes v,
 * its product by differences to both sides; the integral over u is the trapezoidal rule's.
 *
 * @param z `[B, L]` at `time`
 * @param time above 0, where sigma is
 * @throws RangeError where the latents' length is not B x L, or the time has no noise
 */
export async function logLikelihoods(
  z: Float32Array,
  batch: number,
  time: number,
  { schedule, estimate, measure, probe, steps = 32, probes = 1, reach = 0.01, signal }: LikelihoodOptions,
): Promise<Float64Array> {
  const { dimensions, weights } = measure, length = weights.length, begin = schedule(time), end = schedule(1);
  if (z.length !== batch * length) throw new RangeError(`latents must be ${batch} x ${length} floats; got ${z.length}`);
  if (!(begin.sigma > 0)) throw new RangeError(`the time must have noise; got ${time}, where sigma is ${begin.sigma}`);
  const grid = Array.from({ length: steps + 1 }, (_, k) => {
    if (k === 0) return time;
    if (k === steps) return 1;
    return timeAtLogSnr(schedule, begin.logSnr + (end.logSnr - begin.logSnr) * k / steps);
  });
  const inner = (a: Float32Array, b: Float32Array, molecule: number) => {
    let sum = 0;
    for (let k = 0, at = molecule * length; k < length; k++, at++) sum += weights[k] * a[at] * b[at];
    return sum;
  };

  /** alpha tr(dD/dz) of each molecule. */
  const traces = async (x: Float32Array, time: number): Promise<Float64Array> => {
    const { alpha, sigma } = schedule(time), h = reach * sigma, sums = new Float64Array(batch);
    for (let p = 0; p < probes; p++) {
      signal?.throwIfAborted();
      const v = probe(), above = await estimate(x.map((value, k) => value + h * v[k]), time);
      const below = await estimate(x.map((value, k) => value - h * v[k]), time);
      const change = above.map((value, k) => (value - below[k]) / (2 * h));
      for (let b = 0; b < batch; b++) sums[b] += alpha * inner(v, change, b) / probes;
    }
    return sums;
  };

  const result = new Float64Array(batch);
  let x = Float32Array.from(z), last: Float32Array | undefined, slope = await traces(x, grid[0]);
  for (let k = 0; k < steps; k++) {
    const from = schedule(grid[k]), to = schedule(grid[k + 1]), estimated = await estimate(x, grid[k]);
    const step = dpmSolverStep(from, to, k > 0 ? [schedule(grid[k - 1])] : []),
      weight = step.before?.[0] ?? 0,
      earlier = last;
    x = x.map((value, at) => step.z * value + step.x0 * estimated[at] + (earlier ? weight * earlier[at] : 0));
    last = estimated;
    const next = await traces(x, grid[k + 1]), width = (from.logSnr - to.logSnr) / 2;
    for (let b = 0; b < batch; b++) result[b] += width * (dimensions - (slope[b] + next[b]) / 2);
    slope = next;
  }
  // z is a standard normal at t = 1; x = z / alpha has alpha to the power of d as many in a volume.
  const constant = dimensions * (Math.log(end.alpha) - Math.log(2 * Math.PI) / 2);
  return result.map((integral, b) => integral + constant - inner(x, x, b) / 2);
}
