/**
 * Variance-preserving noise schedules: t -> alpha, sigma, log(alpha^2 / sigma^2), in double precision, t = 1 noise and
 * t = 0 data. And the way back: the time at which a schedule has a given log-SNR.
 */
import { z } from "zod";
import { strict } from "./strict.ts";
import type { Schedule, ScheduleValues } from "./types.ts";

/** What a card says of its schedule. */
export const scheduleSpec = z.discriminatedUnion("type", [
  strict({ type: z.literal("cosine"), factor: z.number().gt(0).max(1).default(0.9995) }),
  strict({
    type: z.literal("polynomial"),
    power: z.number().positive().default(2),
    precision: z.number().gt(0).lt(0.5).default(1e-5),
    timesteps: z.int().min(1).max(1_000_000).default(1000),
  }),
]);

/** A schedule, named. */
export type ScheduleSpec = z.infer<typeof scheduleSpec>;

/**
 * The schedule that a card names.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const schedule = makeSchedule({ type: "cosine", factor: 0.9995 }), { alpha, sigma, logSnr } = schedule(0.5);
 * assert.ok(Math.abs(alpha ** 2 + sigma ** 2 - 1) < 1e-12);
 * assert.ok(Math.abs(logSnr - 2 * Math.log(alpha / sigma)) < 1e-12);
 * ```
 */
export function makeSchedule(spec: ScheduleSpec): Schedule {
  return spec.type === "cosine" ? cosineSchedule(spec) : polynomialSchedule(spec);
}

/** Refuses a time outside [0, 1]. */
function checkTime(t: number): void {
  if (!(t >= 0 && t <= 1)) throw new RangeError(`a time must be 0 (data) to 1 (noise); got ${t}`);
}

/**
 * alpha = cos(t pi/2 factor), sigma = sin(t pi/2 factor): Nichol & Dhariwal, "Improved denoising diffusion
 * probabilistic models" (2021), eq. 17, without its offset. A factor below 1 keeps alpha(1) above 0, so that x0 can be
 * had from an estimate of the noise. sigma(0) = 0 and logSnr(0) = Infinity.
 */
export function cosineSchedule({ factor = 0.9995 }: { factor?: number } = {}): Schedule {
  if (!(factor > 0 && factor <= 1)) {
    throw new RangeError(`the cosine's factor must be above 0 and at most 1; got ${factor}`);
  }
  return (t) => {
    checkTime(t);
    const angle = t * Math.PI / 2 * factor, alpha = Math.cos(angle), sigma = Math.sin(angle);
    return { alpha, sigma, logSnr: 2 * Math.log(alpha / sigma) };
  };
}

/** How a polynomial schedule is set up. */
export interface PolynomialOptions {
  readonly power?: number;
  readonly precision?: number;
  readonly timesteps?: number;
}

/**
 * EDM's and GeoLDM's `polynomial_<power>`: Hoogeboom et al., "Equivariant diffusion for molecule generation in 3D"
 * (2022), appendix B. On the whole times t = i / timesteps
 *
 *     alpha^2 = (1 - 2 s) clip((1 - t^power)^2) + s,      s = precision,
 *
 * where clip keeps alpha^2_i / alpha^2_(i-1) at 0.001 or more, so that the last step to pure noise is finite. It
 * differs from the plain polynomial at t = 1 only (for any sensible number of timesteps).
 *
 * Between whole times the log-SNR is linear in t. EDM's code rounds t to the nearest whole time there, but still tells
 * the network the unrounded one; at 16 steps of a 1000-step schedule that gives the network a noise level up to half a
 * timestep away from the one it was trained on at that t. Interpolation keeps to the relation of t and noise level
 * that training taught, agrees at every whole time, and lets samplers use any grid.
 */
export function polynomialSchedule(
  { power = 2, precision = 1e-5, timesteps = 1000 }: PolynomialOptions = {},
): Schedule {
  if (!(power > 0)) throw new RangeError(`the polynomial's power must be above 0; got ${power}`);
  if (!(precision > 0 && precision < 0.5)) {
    throw new RangeError(`the polynomial's precision must be above 0 and below 0.5; got ${precision}`);
  }
  if (!Number.isSafeInteger(timesteps) || timesteps < 1) {
    throw new RangeError(`timesteps must be a positive integer; got ${timesteps}`);
  }
  const logSnrs = new Float64Array(timesteps + 1);
  let clipped = 1, before = 1;
  for (let i = 0; i <= timesteps; i++) {
    const plain = (1 - (i / timesteps) ** power) ** 2;
    clipped *= Math.min(1, Math.max(0.001, plain / before));
    // After a clip to 0 the ratio would be 0 / 0; only the last time reaches 0.
    before = plain;
    const alpha2 = (1 - 2 * precision) * clipped + precision;
    logSnrs[i] = Math.log(alpha2 / (1 - alpha2));
  }
  return (t) => {
    checkTime(t);
    const at = t * timesteps, i = Math.min(Math.floor(at), timesteps - 1), part = at - i;
    return fromLogSnr((1 - part) * logSnrs[i] + part * logSnrs[i + 1]);
  };
}

/** The variance-preserving alpha = sqrt(sigmoid(logSnr)) and sigma = sqrt(sigmoid(-logSnr)). */
function fromLogSnr(logSnr: number): ScheduleValues {
  return { alpha: Math.sqrt(1 / (1 + Math.exp(-logSnr))), sigma: Math.sqrt(1 / (1 + Math.exp(logSnr))), logSnr };
}

/**
 * The time at which a schedule's log-SNR (falling in t) has the given value, by bisection to the last bit. Values
 * beyond the schedule's own give its ends, 0 or 1.
 */
export function timeAtLogSnr(schedule: Schedule, logSnr: number): number {
  if (Number.isNaN(logSnr)) throw new RangeError("a log-SNR must be a number; got NaN");
  if (logSnr >= schedule(0).logSnr) return 0;
  if (logSnr <= schedule(1).logSnr) return 1;
  let low = 0, high = 1;
  while (true) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (schedule(middle).logSnr > logSnr) low = middle;
    else high = middle;
  }
}
