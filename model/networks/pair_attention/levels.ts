/**
 * How a network is told the number of steps of its sampler, so that one network serves several.
 *
 * Feature k of L is max(0, 1 - |log2(steps) - k|), with log2(steps) held within [0, L - 1]: one at 2^k steps, and linear in
 * between. Each number of steps that is a power of two thus has a bias of its own in the first layer. A student that starts from a network without
 * these features begins with zero weights for them: it says what its teacher says.
 */
import type { WritableTensor } from "../../diffusion/safetensors.ts";

/** Levels of a new student: 1, 2, 4, ..., 128 steps. */
export const LEVELS = 8;

/** Writes the `levels` features of a number of steps into `out` at `at`. */
export function levelFeatures(steps: number, levels: number, out: Float32Array, at: number): void {
  if (!(steps >= 1)) throw new RangeError(`the number of steps must be at least 1; got ${steps}`);
  const place = Math.min(levels - 1, Math.log2(steps));
  for (let k = 0; k < levels; k++) out[at + k] = Math.max(0, 1 - Math.abs(place - k));
}

/** A network's tensors with its input widened to `levels` features of the number of steps, of zero weight. */
export function widened(
  tensors: ReadonlyMap<string, WritableTensor>,
  levels: number,
): Map<string, { shape: number[]; data: Float32Array }> {
  const name = "input.weight", weight = tensors.get(name);
  if (!weight) throw new RangeError(`parameters must have ${name}; got ${tensors.size} others`);
  const [rows, width] = weight.shape, data = new Float32Array((rows + levels) * width);
  data.set(weight.data);
  const all = new Map([...tensors].map(([key, { shape, data }]) => [key, { shape: [...shape], data }]));
  return all.set(name, { shape: [rows + levels, width], data });
}
