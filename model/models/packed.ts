/**
 * Weights whose matrices have 12 bits a number: a whole network in three quarters of what it takes in 16-bit floats, nearly as exactly, and without a base.
 * docs/distillation.md has the format in words.
 */
import { readSafetensorsMetadata, type StoredTensor } from "../diffusion/safetensors.ts";
import {
  besideOf,
  joined,
  type Parts,
  SCALE,
  type Scaled,
  scaled,
  scalePart,
  type Tensors,
  valuesOf,
  writeParts,
} from "./scaled.ts";

/** A number is so many steps of its column's scale at most, to each side. */
const STEPS = 2047;

/** The key of the metadata that says that a file is packed, and how. */
const KEY = "packed", FORM = "12 bits";

/** What the name of a tensor's low bits has behind the tensor's. */
const LOW = ".low";

/** Values of the low four bits. */
const LOW_VALUES = 16;

/**
 * Whether a safetensors file's metadata say that it is packed.
 *
 * @throws SyntaxError where it is so in another form
 */
export function isPacked(bytes: Uint8Array): boolean {
  const told = readSafetensorsMetadata(bytes)[KEY];
  if (told === undefined || told === FORM) return told !== undefined;
  throw new SyntaxError(`the metadata's "${KEY}" must be "${FORM}"; got ${JSON.stringify(told)}`);
}

/** Matrices in a tensor, by all axes but its last two: each has columns of its own. */
const matricesIn = (shape: readonly number[]): number => shape.slice(0, -2).reduce((all, size) => all * size, 1);

/** Integers as 16 high + low: the high part of 8 bits with its sign, the low of 4, two a byte, the first of them in its lower half. */
function split({ integers }: Scaled, shape: readonly number[]): Parts {
  const high = integers.map((value) => Math.floor(value / LOW_VALUES));
  const low = new Float32Array(Math.ceil(integers.length / 2));
  integers.forEach((value, i) => low[i >> 1] += (value - LOW_VALUES * high[i]) * (i % 2 === 0 ? 1 : LOW_VALUES));
  return { "": { dtype: "I8", shape, data: high }, [LOW]: { dtype: "U8", shape: [low.length], data: low } };
}

/** The integers of {@link split}. */
const merged = (high: Float32Array, low: Float32Array): Float32Array =>
  high.map((value, i) => LOW_VALUES * value + (i % 2 === 0 ? low[i >> 1] % LOW_VALUES : low[i >> 1] >> 4));

/**
 * A file of these weights, matrices in 12 bits. As 16-bit floats stay vectors, and what would lose more than `LARGEST_ERROR` (scaled.ts). Undefined where
 * all of them do.
 *
 * @param metadata what else the file's are to say
 * @throws RangeError where a number has no half
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readSafetensors } from "../diffusion/safetensors.ts";
 *
 * const bytes = writePacked(new Map([["w", { shape: [2, 1], data: Float32Array.of(2047, -1000) }]]))!;
 * assert.deepEqual([isPacked(bytes), unpacked(readSafetensors(bytes)).get("w")!.data], [true, Float32Array.of(2047, -1000)]);
 * ```
 */
export const writePacked = (
  tensors: Tensors,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array | undefined =>
  writeParts(tensors, (_, tensor) => {
    const found = scaled(tensor, { most: STEPS, stretches: matricesIn(tensor.shape) });
    return found && { ...scalePart(found), ...split(found, tensor.shape) };
  }, { ...metadata, [KEY]: FORM });

/**
 * The weights that a packed file stands for, in single precision.
 *
 * @param stored what the file holds
 * @throws SyntaxError where a tensor is of another type than the format has, or a packed one has no low bits, or no scales, of their shape and type
 */
export const unpacked = (stored: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> =>
  joined(stored, [LOW, SCALE], (name, { shape, data }) => {
    const part = (end: string, what: string, size: number, dtype: "U8" | "F32") =>
      besideOf(`the packed "${name}"`, what, stored.get(name + end), [size], dtype);
    const low = part(LOW, "low bits", Math.ceil(data.length / 2), "U8");
    const scales = part(SCALE, "scales", matricesIn(shape) * (shape.at(-1) ?? 1), "F32");
    return valuesOf({ integers: merged(data, low), scales }, { shape });
  });
