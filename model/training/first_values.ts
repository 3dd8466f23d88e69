/** Weights that a run begins with, read from a file. */
import { readWeightsFile } from "../models/weights.ts";
import type { FirstValues } from "../engines/open_learner.ts";

/** Weights, and what the settings of the run say of where they came from. */
export interface First {
  readonly values: FirstValues;
  readonly told: { readonly file: string; readonly sha256: string };
}

/** Reads a safetensors file. Throws as `readWeightsFile`. */
export async function readFirstValues(path: string): Promise<First> {
  const { tensors, sha256 } = await readWeightsFile(path);
  return { values: tensors, told: { file: path.replace(/^.*[/\\]/, ""), sha256 } };
}
