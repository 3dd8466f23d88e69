/** Rows of what a network is told beside its latents. */
import type { TimeRows } from "../c/inputs.ts";

/** Rows `[B, times + 2]`: features of the time, alpha, sigma. */
export function conditionRows({ times, alpha, sigma }: TimeRows): Float32Array<ArrayBuffer> {
  const batch = alpha.length, told = times.length / batch, width = told + 2, rows = new Float32Array(batch * width);
  for (let b = 0; b < batch; b++) {
    rows.set(times.subarray(b * told, (b + 1) * told), b * width);
    rows[b * width + told] = alpha[b];
    rows[b * width + told + 1] = sigma[b];
  }
  return rows;
}
