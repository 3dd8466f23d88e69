/** Calls of latents that are each at a time of its own. */
import type { Conditions, FixedCondition } from "../diffusion/condition.ts";
import { allFinite } from "../diffusion/finite.ts";

/** A call of the denoiser in a batch of one size. Both arrays are the sampler's own, `[B, L]`: to be read at once, and left as they are. */
export interface Estimate {
  /** 1 is noise, 0 is data. */
  readonly time: number;
  readonly z: Float32Array;
  /** Estimates of the clean latents, clamped where the settings say so. */
  readonly x0: Float32Array;
  readonly nodes: number;
  /** Which molecules, `[B]`. */
  readonly indices: readonly number[];
}

/** Conditions of latents at these times, with what else the network is told: one where they are all the same. */
export const conditionsAt = (times: readonly number[], told?: FixedCondition): Conditions =>
  times.every((time) => time === times[0]) ? { ...told, time: times[0] } : times.map((time) => ({ ...told, time }));

/** Refuses latents that are not finite: decoded, they would be molecules of no sense, or of no atoms. One pass over the last step's. */
export function checkLatents(
  x0: Float32Array,
  { model, seed, indices, steps, sampler }: {
    readonly model: string;
    readonly seed: number;
    readonly indices: readonly number[];
    readonly steps: number;
    readonly sampler: string;
  },
): void {
  if (allFinite(x0)) return;
  const molecules = `molecules ${indices[0]} to ${indices.at(-1)} of seed ${seed}`;
  throw new Error(`finite latents asked, ${model} drew others at ${steps} steps (${sampler}), ${molecules}`);
}

/** Stretches of latents `[R, L]` whose times are at most `below`, with their numbers. */
export function late(
  x0: Float32Array,
  times: readonly number[],
  below: number,
): { readonly batch: number; readonly stretch: Float32Array }[] {
  const length = x0.length / times.length, found: { from: number; batch: number }[] = [];
  for (const [k, time] of times.entries()) {
    const last = found.at(-1);
    if (time > below) continue;
    if (last && last.from + last.batch === k) last.batch++;
    else found.push({ from: k, batch: 1 });
  }
  return found.map(({ from, batch }) => ({ batch, stretch: x0.subarray(from * length, (from + batch) * length) }));
}
