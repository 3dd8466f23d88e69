/** What kernels are told of a call, or of a step of a sampler: a slot of a uniform buffer. */
import type { Sampling } from "../../diffusion/denoiser.ts";
import { LOOK_BACK } from "../../diffusion/samplers/step.ts";
import { ALIGNMENT } from "./memory.ts";

if (LOOK_BACK > 4) throw new RangeError(`a slot has room for 4 calls before; LOOK_BACK is ${LOOK_BACK}`);

/** Bytes of a slot that kernels read. */
export const CALL_BYTES = 48;

/** A slot's content; see `call.wgsl`. */
export interface Call {
  readonly first: number;
  /** 0 where all molecules have one time, else 1. */
  readonly stride: 0 | 1;
  /** Which of a molecule's draws of noise, from 0. */
  readonly draw?: number;
  /** How many estimates are kept for the next steps. */
  readonly keep?: number;
  /** z' = latent z + estimate x0 + sum_k before[k] (x0 of the call k + 1 before) + noise n. */
  readonly latent?: number;
  readonly estimate?: number;
  readonly before?: readonly number[];
  readonly noise?: number;
  /** What of z' is the estimate's, where the rest is to be aligned to it: the schedule's alpha at the next time. */
  readonly alpha?: number;
}

/** Slots in a row, `ALIGNMENT` bytes each. */
export function callSlots(calls: readonly Call[]): Uint32Array<ArrayBuffer> {
  const words = ALIGNMENT / 4, out = new Uint32Array(calls.length * words), floats = new Float32Array(out.buffer);
  calls.forEach(
    ({ first, stride, draw = 0, keep = 0, latent = 0, estimate = 0, before = [], noise = 0, alpha = 0 }, k) => {
      out.set([first, stride, draw, keep], k * words);
      floats.set([latent, estimate, noise, alpha, ...before], k * words + 4);
    },
  );
  return out;
}

/**
 * The calls of a plan, the first one what it begins with: a draw of the noise, or the second draw beside what a start has made of the first.
 * Draws are numbered as `firstLatents` and `runPlan` take them from `moleculeNoise`.
 */
export function planCalls(plan: Sampling["plan"], start?: Sampling["start"]): Call[] {
  const keep = Math.max(...plan.map(({ before = [] }) => before.length));
  let draw = 0;
  const next = (noise: number) => noise === 0 ? 0 : ++draw;
  const begin: Call = start
    ? { first: 0, stride: 0, estimate: start.alpha, noise: start.sigma, draw: next(start.sigma), alpha: start.alpha }
    : { first: 0, stride: 0, noise: 1, draw };
  const steps = plan.map(({ z, x0, noise, before }, first): Call => ({
    first,
    stride: 0,
    latent: z,
    estimate: x0,
    before,
    noise,
    draw: next(noise),
    keep,
    alpha: plan[first + 1]?.alpha,
  }));
  return [begin, ...steps];
}
