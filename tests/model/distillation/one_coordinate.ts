/**
 * Distillation in one dimension: Gaussian data, whose best denoiser is known in closed form, and a small network (linear
 * in its parameters) that cannot quite represent it: what a ladder from 1000 steps to 1 does to such a network.
 */
import { groupUpTo, latestTime } from "../../../model/models/egnn_latest.ts";
import { predictionTarget, predictionWeight } from "../../../model/distillation/egnn_loss.ts";
import { combine, secondShare } from "../../../model/distillation/target.ts";
import { type Parametrisation, towardsX0 } from "../../../model/networks/egnn_denoiser.ts";
import { random } from "../../../model/diffusion/random.ts";
import { ddimStep } from "../../../model/diffusion/samplers/ddim.ts";
import { polynomialSchedule } from "../../../model/diffusion/schedules.ts";
import type { ScheduleValues } from "../../../model/diffusion/types.ts";

/** GeoLDM's schedule. */
export const schedule = polynomialSchedule({ power: 2, precision: 1e-5, timesteps: 1000 });

/** Deviation of the data. */
export const DEVIATION = 0.5;

/** The papers' step counts. */
export const LADDER = [500, 250, 125, 63, 32, 16, 8, 4, 2, 1];

/** Knots in time, and widths of the saturating features of z. */
const KNOTS = 11, WIDTHS = [1, 3], COUNT = (KNOTS + 1) * WIDTHS.length;

/** Features of z at t: hats and a constant in time, times width tanh(z / width). */
function features(z: number, t: number): Float64Array {
  const out = new Float64Array(COUNT), at = t * (KNOTS - 1), k = Math.min(Math.floor(at), KNOTS - 2);
  WIDTHS.forEach((width, w) => {
    const h = width * Math.tanh(z / width), base = w * (KNOTS + 1);
    out[base + k] = (1 - (at - k)) * h, out[base + k + 1] = (at - k) * h, out[base + KNOTS] = h;
  });
  return out;
}

/** How the ladder is done. */
export interface LadderOptions {
  readonly parametrisation: Parametrisation;
  /** `paper`: its formula for the target and max(SNR, 1) on x0, nothing guarded. `ours`: the code under test. */
  readonly way: "paper" | "ours";
  /** What each number is rounded to: `Math.fround`, or nothing. */
  readonly round: (x: number) => number;
  readonly updates?: number;
}

/** Solves the least-squares problem of its normal equations. */
function solve(A: Float64Array[], y: Float64Array): Float64Array {
  for (let k = 0; k < y.length; k++) {
    for (let r = k + 1; r < y.length; r++) {
      const factor = A[r][k] / A[k][k];
      for (let l = k; l < y.length; l++) A[r][l] -= factor * A[k][l];
      y[r] -= factor * y[k];
    }
  }
  for (let k = y.length - 1; k >= 0; k--) {
    for (let l = k + 1; l < y.length; l++) y[k] -= A[k][l] * y[l];
    y[k] /= A[k][k];
  }
  return y;
}

/** The network trained as EDM's and GeoLDM's are: squared errors of its own output, uniform over times. */
function pretrained(parametrisation: Parametrisation): Float64Array {
  const A = Array.from({ length: COUNT }, (_, k) => new Float64Array(COUNT).fill(1e-3, k, k + 1));
  const y = new Float64Array(COUNT), stream = random(77);
  for (let i = 1; i <= 3000; i++) {
    const { alpha, sigma } = schedule(i / 3000), variance = (alpha * DEVIATION) ** 2 + sigma ** 2;
    const z = Math.sqrt(variance) * stream.normal(), x0 = alpha * DEVIATION ** 2 / variance * z;
    const [ofZ, ofOutput] = towardsX0(parametrisation, alpha, sigma), want = (x0 - ofZ * z) / ofOutput;
    const f = features(z, i / 3000);
    for (let k = 0; k < COUNT; k++) {
      if (f[k] === 0) continue;
      y[k] += f[k] * want;
      for (let l = 0; l < COUNT; l++) A[k][l] += f[k] * f[l];
    }
  }
  return solve(A, y);
}

/** Means of 64 equal parts of the standard normal distribution, scaled to variance 1. */
function quantiles(): number[] {
  const draws = new Float64Array(64_000), stream = random(123);
  for (let i = 0; i < draws.length; i++) draws[i] = stream.normal();
  draws.sort();
  const means = Array.from({ length: 64 }, (_, j) => draws.subarray(1000 * j, 1000 * j + 1000).reduce((a, b) => a + b));
  const norm = Math.sqrt(means.reduce((sum, value) => sum + value ** 2, 0) / 64);
  return means.map((value) => value / norm);
}

/**
 * The ladder.
 *
 * @returns what DDIM draws at 1000 steps before it, and at each step count of {@link LADDER} by its student: the deviation
 * over that of the data; and the error of the network's own output at t = 1 before
 */
export function climbDown({ parametrisation, way, round: r, updates = 200 }: LadderOptions) {
  const latest = way === "ours" ? latestTime(parametrisation, schedule) : 1, start = quantiles();
  let student = pretrained(parametrisation);

  const output = (weights: Float64Array, f: Float64Array) => {
    let sum = 0;
    for (let k = 0; k < COUNT; k++) if (f[k] !== 0) sum = r(sum + r(r(weights[k]) * r(f[k])));
    return sum;
  };
  const estimate = (weights: Float64Array, z: number, t: number): number => {
    const time = Math.min(t, latest), { alpha, sigma } = schedule(time);
    const [ofZ, ofOutput] = towardsX0(parametrisation, r(alpha), r(sigma));
    return r(r(r(ofZ) * z) + r(r(ofOutput) * output(weights, features(z, time))));
  };
  const step = (from: ScheduleValues, to: ScheduleValues, z: number, x0: number) => {
    const { z: ofZ, x0: ofX0 } = ddimStep(from, to);
    return r(r(r(ofZ) * z) + r(r(ofX0) * x0));
  };
  const drawn = (weights: Float64Array, steps: number): number => {
    let square = 0;
    for (let z of start) {
      for (let i = steps; i > 1; i--) {
        z = step(schedule(i / steps), schedule((i - 1) / steps), z, estimate(weights, z, i / steps));
      }
      square += estimate(weights, z, 1 / steps) ** 2 / start.length;
    }
    return Math.sqrt(square) / DEVIATION;
  };
  /** The student's target, by the paper's formula or by ours. */
  const target = (teacher: Float64Array, z: number, [T, U, V]: readonly number[]): number => {
    const [t, u, v] = [T, U, V].map(schedule), first = estimate(teacher, z, T), zu = step(t, u, z, first);
    const second = estimate(teacher, zu, U);
    if (way === "ours") {
      return combine(Float32Array.of(first), Float32Array.of(second), [secondShare("ddim", t, u, v)])[0];
    }
    const zv = step(u, v, zu, second), ratio = r(r(v.sigma) / r(t.sigma));
    return r(r(zv - r(ratio * z)) / r(r(v.alpha) - r(ratio * r(t.alpha))));
  };
  /** Gradient of one molecule's loss, added to `sum`. */
  const addGradient = (sum: Float64Array, z: number, x: number, t: number) => {
    const { alpha, sigma, logSnr } = schedule(t), one = (value: number) => Float32Array.of(value);
    const group = {
      shape: { batch: 1, nodes: 1 },
      z: one(z),
      target: one(x),
      conditions: [{ time: t }],
      alpha: one(alpha),
      sigma: one(sigma),
      weights: one(Math.max(Math.exp(logSnr), 1)),
    };
    const asked = groupUpTo(latest, schedule, group),
      f = features(z, asked.conditions[0].time),
      own = output(student, f);
    const [a, s] = [asked.alpha[0], asked.sigma[0]];
    let slope: number; // of the loss in the output
    if (way === "ours") {
      const weight = predictionWeight(parametrisation, group.weights[0], a, s);
      slope = 2 * weight * (own - predictionTarget(parametrisation, asked)[0]);
    } else {
      const [ofZ, ofOutput] = towardsX0(parametrisation, r(alpha), r(sigma));
      slope = 2 * group.weights[0] * ofOutput * r(r(r(ofZ * z) + r(ofOutput * own)) - x);
    }
    for (let k = 0; k < COUNT; k++) sum[k] = r(sum[k] + r(slope * f[k] / 64));
  };
  /** One round: Adam on batches of 64, its rate falling to 0. */
  const round = (steps: number, seed: number) => {
    const teacher = student.slice(), m = new Float64Array(COUNT), v = new Float64Array(COUNT), stream = random(seed, 9);
    student = student.slice();
    for (let update = 1; update <= updates; update++) {
      const sum = new Float64Array(COUNT), rate = 1e-3 * (1 - (update - 1) / updates);
      for (let b = 0; b < 64; b++) {
        const i = 1 + stream.integer(steps), times = [i / steps, (i - 0.5) / steps, (i - 1) / steps];
        const { alpha, sigma } = schedule(times[0]);
        const z = r(alpha * DEVIATION * stream.normal() + sigma * stream.normal());
        addGradient(sum, z, target(teacher, z, times), times[0]);
      }
      for (let k = 0; k < COUNT; k++) {
        m[k] = 0.9 * m[k] + 0.1 * sum[k], v[k] = 0.999 * v[k] + 0.001 * sum[k] ** 2;
        const scale = Math.sqrt(v[k] / (1 - 0.999 ** update)) + 1e-8;
        student[k] = r(student[k] - rate * m[k] / (1 - 0.9 ** update) / scale);
      }
    }
  };

  const { alpha, sigma } = schedule(1), [, ofOutput] = towardsX0(parametrisation, alpha, sigma);
  const wrong = start.map((z) => (estimate(student, z, 1) - alpha * DEVIATION ** 2 * z) / ofOutput);
  const outputError = Math.sqrt(wrong.reduce((sum, value) => sum + value ** 2, 0) / wrong.length);
  const before = drawn(student, 1000), by = new Map<number, number>();
  LADDER.forEach((steps, k) => {
    round(steps, k + 1);
    by.set(steps, drawn(student, steps));
  });
  return { before, by, outputError };
}
