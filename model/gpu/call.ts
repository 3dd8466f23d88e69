/** What kernels are told of a call, or of a step of a sampler: a slot of a uniform buffer. */
import { ALIGNMENT } from "./memory.ts";

/** WGSL of a slot. `first` and `stride` say which row of the conditions (times, alpha, sigma) is molecule b's: first + b stride. */
export const CALL_TYPE = `
struct Call {
  first: u32, stride: u32, draw: u32, keep: u32,
  latent: f32, estimate: f32, before: f32, noise: f32,
}`;

/** A slot's content; see `CALL_TYPE`. */
export interface Call {
  readonly first: number;
  /** 0 where all molecules have one time, else 1. */
  readonly stride: 0 | 1;
  /** Which of a molecule's draws of noise, from 0. */
  readonly draw?: number;
  /** 1 where the estimates are kept for the next step. */
  readonly keep?: 0 | 1;
  /** z' = latent z + estimate x0 + before (x0 of the step before) + noise n. */
  readonly latent?: number;
  readonly estimate?: number;
  readonly before?: number;
  readonly noise?: number;
}

/** Slots in a row, `ALIGNMENT` bytes each. */
export function callSlots(calls: readonly Call[]): Uint32Array<ArrayBuffer> {
  const words = ALIGNMENT / 4, out = new Uint32Array(calls.length * words), floats = new Float32Array(out.buffer);
  calls.forEach(({ first, stride, draw = 0, keep = 0, latent = 0, estimate = 0, before = 0, noise = 0 }, k) => {
    out.set([first, stride, draw, keep], k * words);
    floats.set([latent, estimate, before, noise], k * words + 4);
  });
  return out;
}
