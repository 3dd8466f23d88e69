/** Calls of latents that are each at a time of its own. */
import type { Conditions } from "../diffusion/condition.ts";

/** Conditions of latents at these times: one where they are all the same. */
export const conditionsAt = (times: readonly number[]): Conditions =>
  times.every((time) => time === times[0]) ? { time: times[0] } : times.map((time) => ({ time }));

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
