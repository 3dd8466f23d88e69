/** What the engine takes beside the latents: features of the times, alpha and sigma, one row a molecule. */
import { TIMES } from "../pair_attention/parameters.ts";
import type { ScheduleValues } from "../types.ts";

/** `[sin(t w_k), cos(t w_k)]` with w_k = 1.5 2^k, k = 0..7, into `out` at `at`. */
export function timeFeatures(t: number, out: Float32Array, at: number): void {
  for (let k = 0; k < TIMES / 2; k++) {
    const angle = Math.fround(t) * 1.5 * 2 ** k;
    out[at + k] = Math.sin(angle);
    out[at + TIMES / 2 + k] = Math.cos(angle);
  }
}

/** Times of a batch as the engine takes them. */
export interface TimeRows {
  /** `[B, 16]` */
  readonly times: Float32Array;
  /** `[B]` */
  readonly alpha: Float32Array;
  /** `[B]` */
  readonly sigma: Float32Array;
}

/** Rows for a batch at one time, or at one time a molecule. Throws RangeError where the times are not `batch` in number. */
export function timeRows(
  t: number | Float32Array,
  batch: number,
  schedule: (t: number) => Pick<ScheduleValues, "alpha" | "sigma">,
): TimeRows {
  if (typeof t !== "number" && t.length !== batch) throw new RangeError(`${batch} times asked, ${t.length} given`);
  const times = new Float32Array(batch * TIMES), alpha = new Float32Array(batch), sigma = new Float32Array(batch);
  for (let b = 0; b < batch; b++) {
    const time = typeof t === "number" ? t : t[b];
    if (b > 0 && typeof t === "number") {
      times.copyWithin(b * TIMES, 0, TIMES);
      alpha[b] = alpha[0], sigma[b] = sigma[0];
      continue;
    }
    timeFeatures(time, times, b * TIMES);
    ({ alpha: alpha[b], sigma: sigma[b] } = schedule(time));
  }
  return { times, alpha, sigma };
}
