/** Weights that a run begins with, read from a file. */
import { createHash } from "node:crypto";
import { readSafetensors } from "../diffusion/safetensors.ts";
import type { FirstValues } from "../engines/open_learner.ts";

/** Weights, and what the settings of the run say of where they came from. */
export interface First {
  readonly values: FirstValues;
  readonly told: { readonly file: string; readonly sha256: string };
}

/** Reads a safetensors file. Throws Deno.errors.NotFound where there is none, TypeError where it is no such file. */
export async function readFirstValues(path: string): Promise<First> {
  const bytes = await Deno.readFile(path), sha256 = createHash("sha256").update(bytes).digest("hex");
  return { values: readSafetensors(bytes), told: { file: path.replace(/^.*[/\\]/, ""), sha256 } };
}
