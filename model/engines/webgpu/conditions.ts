/** Rows of what a network is told beside its latents. */
import type { ConditionRows } from "../../networks/pair_attention/conditions.ts";

/** Rows `[B, features + 2]`: features of the condition, alpha, sigma. */
export function packConditions({ features, alpha, sigma }: ConditionRows): Float32Array<ArrayBuffer> {
  const batch = alpha.length, told = features.length / batch, width = told + 2, rows = new Float32Array(batch * width);
  for (let b = 0; b < batch; b++) {
    rows.set(features.subarray(b * told, (b + 1) * told), b * width);
    rows[b * width + told] = alpha[b];
    rows[b * width + told + 1] = sigma[b];
  }
  return rows;
}
