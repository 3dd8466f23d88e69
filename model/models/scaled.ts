/** Matrices as integers with a scale for each of their columns: what the compact forms of weights have in common (differences.ts, packed.ts). */
import {
  bytesOf,
  type SafetensorsType,
  type StoredTensor,
  type WritableTensor,
  writeSafetensors,
  type WrittenType,
} from "../diffusion/safetensors.ts";

/**
 * What a compact form may cost: the norm of a tensor's error as a share of the tensor's own, some five times what 16-bit floats cost. A tensor that would
 * lose more stays in 16 bits.
 */
export const LARGEST_ERROR = 2 ** -10;

/** What the name of a tensor's scales has behind the tensor's. */
export const SCALE = ".scale";

export type Tensors = ReadonlyMap<string, WritableTensor>;

/** A tensor as base + integer x scale. Scales are of the indices of the last axis, or of those in each of several equal stretches, one after the other. */
export interface Scaled {
  readonly integers: Float32Array;
  readonly scales: Float32Array;
}

/** How a tensor is made integers: from -most to most, over as many stretches, from the base (zeros where absent). */
export interface Scaling {
  readonly most: number;
  readonly stretches?: number;
  readonly base?: Float32Array;
}

const widthOf = ({ shape }: Pick<WritableTensor, "shape">): number => shape.at(-1) ?? 1;

/** No number is farther off than half a scale. */
function inSteps(tensor: WritableTensor, { most, stretches = 1, base }: Scaling): Scaled {
  const { data } = tensor, width = widthOf(tensor), stretch = data.length / stretches;
  const scales = new Float32Array(width * stretches);
  const column = (i: number) => Math.floor(i / stretch) * width + i % width;
  const from = base ? (value: number, i: number) => value - base[i] : (value: number) => value;
  data.forEach((value, i) => scales[column(i)] = Math.max(scales[column(i)], Math.abs(from(value, i)) / most));
  const inside = (steps: number) => Math.max(-most, Math.min(most, Math.round(steps)));
  return { scales, integers: data.map((value, i) => inside(from(value, i) / (scales[column(i)] || 1))) };
}

/** base + integer x scale, computed in double and rounded once to single precision. */
export function valuesOf(
  { integers, scales }: Scaled,
  of: Pick<WritableTensor, "shape">,
  base: Float32Array = new Float32Array(integers.length),
): Float32Array {
  const values = new Float32Array(integers.length),
    width = widthOf(of),
    stretch = values.length * width / scales.length;
  for (let row = 0; row < values.length; row += width) {
    const first = Math.floor(row / stretch) * width;
    for (let k = 0; k < width; k++) values[row + k] = base[row + k] + integers[row + k] * scales[first + k];
  }
  return values;
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));

/** A tensor as integers; undefined for a vector, and where more would be lost than {@link LARGEST_ERROR}. */
export function scaled(tensor: WritableTensor, scaling: Scaling): Scaled | undefined {
  const { shape, data } = tensor;
  if (shape.length < 2) return undefined;
  const found = inSteps(tensor, scaling), values = valuesOf(found, tensor, scaling.base);
  return norm(values.map((value, i) => value - data[i])) <= LARGEST_ERROR * norm(data) ? found : undefined;
}

/** A tensor with the type that it is written in. */
type Typed = WritableTensor & { readonly dtype: WrittenType };

/** What a tensor's integers and scales are written as, by what the names have behind the tensor's own. */
export type Parts = Readonly<Record<string, Typed>>;

/** Scales as they are written. */
export const scalePart = ({ scales }: Scaled): Parts => ({
  [SCALE]: { dtype: "F32", shape: [scales.length], data: scales },
});

/**
 * A file of tensors that are in parts. As 16-bit floats stay those of which there are none, and those whose parts would have the name of another tensor.
 *
 * @returns undefined where all of them stay so
 * @throws RangeError where a number has no half
 */
export function writeParts(
  tensors: Tensors,
  partsOf: (name: string, tensor: WritableTensor) => Parts | undefined,
  metadata: Readonly<Record<string, string>>,
): Uint8Array | undefined {
  const all = [...tensors].flatMap(([name, tensor]): [string, Typed][] => {
    const parts = Object.entries(partsOf(name, tensor) ?? {}).map(([end, part]) =>
      [name + end, part] as [string, Typed]
    );
    const free = parts.every(([part]) => part === name || !tensors.has(part));
    return parts.length > 0 && free ? parts : [[name, { ...tensor, dtype: "F16" }]];
  });
  if (all.every(([, { dtype }]) => dtype === "F16")) return undefined;
  // The widest first, so that each number lies at a multiple of its size.
  const ordered = new Map(all.sort(([, a], [, b]) => bytesOf(b.dtype) - bytesOf(a.dtype)));
  return writeSafetensors(ordered, { dtype: (name) => ordered.get(name)!.dtype, metadata });
}

/**
 * The tensors of a file of {@link writeParts}, those of integers in single precision.
 *
 * @param ends what the names of the parts beside a tensor's integers have behind its own
 * @param whole a tensor's numbers, from its integers of 8 bits
 * @throws SyntaxError where a tensor is of another type than these files have
 */
export function joined(
  stored: ReadonlyMap<string, StoredTensor>,
  ends: readonly string[],
  whole: (name: string, tensor: WritableTensor) => Float32Array,
): Map<string, StoredTensor> {
  const beside = (name: string) =>
    ends.some((end) => name.endsWith(end) && stored.get(name.slice(0, -end.length))?.dtype === "I8");
  return new Map(
    [...stored].filter(([name]) => !beside(name)).map(([name, { dtype, shape, data }]) => {
      if (dtype === "I8") return [name, { dtype: "F32", shape, data: whole(name, { shape, data }) }];
      if (dtype === "F16" || dtype === "F32") return [name, { dtype, shape, data }];
      throw new SyntaxError(`"${name}" must be I8, or F16 or F32 where it is in full; got ${dtype}`);
    }),
  );
}

/** The numbers of what a tensor must have beside it. @param of the tensor, @param what that is, in words @throws SyntaxError where it is not there, or of another shape or type */
export function besideOf(
  of: string,
  what: string,
  found: (WritableTensor & { readonly dtype?: SafetensorsType }) | undefined,
  expected: readonly number[],
  dtype?: WrittenType,
): Float32Array {
  const typed = dtype !== undefined;
  if (found?.shape.join() === expected.join() && (!typed || found.dtype === dtype)) return found.data;
  const told = (shape: readonly number[], type: string | undefined) =>
    `[${shape.join(", ")}]${typed ? ` of type ${type}` : ""}`;
  const got = found ? told(found.shape, found.dtype) : "none";
  throw new SyntaxError(`${of} must have ${what} of shape ${told(expected, dtype)}; got ${got}`);
}
