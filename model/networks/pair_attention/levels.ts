/**
 * How a network is told the number of steps of its sampler, so that one network serves several.
 *
 * Feature k of L is max(0, 1 - |log2(steps) - k|), with log2(steps) held within [0, L - 1]: one at 2^k steps, and linear in
 * between. Each number of steps that is a power of two thus has a bias of its own in the first layer. A student that starts from a network without
 * these features begins with zero weights for them: it says what its teacher says.
 */
import type { WritableTensor } from "../../diffusion/safetensors.ts";
import { type ConditionSizes, MOST_TOLD, toldRows } from "./parameters.ts";

/** Levels of a new student: 1, 2, 4, ..., 128 steps. */
export const LEVELS = 8;

/** Levels of a new student whose network is told more: as many as there is room for beside it, {@link LEVELS} at most. */
export const levelsBeside = (sizes: Pick<ConditionSizes, "conditions" | "scale">): number =>
  Math.max(0, Math.min(LEVELS, MOST_TOLD - toldRows(sizes)));

/** Whether so many features are different for each of these numbers of steps. */
export const tellsApart = (steps: readonly number[], levels: number): boolean =>
  new Set(steps.map((one) => placeOf(one, levels))).size === new Set(steps).size;

/** Where a number of steps stands among the levels. */
const placeOf = (steps: number, levels: number): number => Math.min(levels - 1, Math.log2(steps));

/** Writes the `levels` features of a number of steps into `out` at `at`. */
export function levelFeatures(steps: number, levels: number, out: Float32Array, at: number): void {
  if (!(steps >= 1)) throw new RangeError(`the number of steps must be at least 1; got ${steps}`);
  const place = placeOf(steps, levels);
  for (let k = 0; k < levels; k++) out[at + k] = Math.max(0, 1 - Math.abs(place - k));
}

/** A network's tensors with its input widened by `count` features, of zero weight, behind those it has. */
export function widened(
  tensors: ReadonlyMap<string, WritableTensor>,
  count: number,
): Map<string, { shape: number[]; data: Float32Array }> {
  const name = "input.weight", weight = tensors.get(name);
  if (!weight) throw new RangeError(`parameters must have ${name}; got ${tensors.size} others`);
  const [rows, width] = weight.shape, data = new Float32Array((rows + count) * width);
  data.set(weight.data);
  const all = new Map([...tensors].map(([key, { shape, data }]) => [key, { shape: [...shape], data }]));
  return all.set(name, { shape: [rows + count, width], data });
}
