/**
 * How a network is told what properties a molecule is to have: two features of each, the value less the training data's mean in its deviations, and one
 * that says that it is given. Both are zero where it is not, so that one network draws with any of them and without (classifier-free guidance: Ho and
 * Salimans 2022, section 3.2). A network that begins from one without these features begins with zero weights for them: it says what that says.
 */
import type { PropertyValues } from "../../../chem/properties.ts";
import type { WritableTensor } from "../../diffusion/safetensors.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { widened } from "./levels.ts";
import { type PairAttentionSizes, type PropertyCondition, TIMES, toldRows } from "./parameters.ts";

/** What is wrong where a network that knows none is told properties. */
export const UNTOLD = "properties must be absent of a network that is told none";

/** Writes the features `[value, given]` of each condition into `out` at `at`, values times `by`. */
export function propertyFeatures(
  values: PropertyValues = {},
  conditions: readonly PropertyCondition[],
  out: Float32Array,
  at: number,
  by = 1,
): void {
  conditions.forEach(({ name, mean, deviation }, k) => {
    const value = values[name];
    out[at + 2 * k] = value === undefined ? 0 : by * (value - mean) / deviation;
    out[at + 2 * k + 1] = value === undefined ? 0 : 1;
  });
}

/** The tensors of a network, with zero weights for the properties that these sizes have where they are of one that is told none. */
export function widenedFor(
  tensors: ReadonlyMap<string, WritableTensor>,
  { scalars }: Pick<LatentSpace, "scalars">,
  sizes: PairAttentionSizes,
): ReadonlyMap<string, WritableTensor> {
  const rows = tensors.get("input.weight")?.shape[0], told = toldRows(sizes);
  return told > 0 && rows === scalars + TIMES ? widened(tensors, told) : tensors;
}
