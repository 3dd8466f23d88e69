/**
 * Weights as 8-bit differences from those of another file, their base: a student is its model's denoiser and a little more, and takes half of what it
 * takes in 16-bit floats so. docs/distillation.md has the format in words.
 */
import { z } from "zod";
import {
  readSafetensorsMetadata,
  type StoredTensor,
  type WritableTensor,
  writeSafetensors,
} from "../diffusion/safetensors.ts";
import { file, sha256 } from "./card_parts.ts";

/**
 * What the format may cost: the norm of a tensor's error as a share of the tensor's own, some five times what 16-bit floats cost. A tensor that would
 * lose more stays in 16 bits.
 */
export const LARGEST_ERROR = 2 ** -10;

/** A difference is so many steps of its column's scale at most, to each side. */
const STEPS = 127;

/** What the name of a tensor's scales has behind the tensor's. */
const SCALE = ".scale";

type Tensors = ReadonlyMap<string, WritableTensor>;

/** The file that differences are from: its bare name, beside theirs, and its digest. */
export interface BaseFile {
  readonly file: string;
  readonly sha256: string;
}

const metadata = z.looseObject({ differencesFrom: file, differencesFromSha256: sha256.unwrap() });

/**
 * The base that a safetensors file's metadata name; undefined for a file of weights in full.
 *
 * @throws SyntaxError where they name none rightly
 */
export function baseOf(bytes: Uint8Array): BaseFile | undefined {
  const told = readSafetensorsMetadata(bytes);
  if (!Object.keys(told).some((key) => key in metadata.shape)) return undefined;
  const { success, data, error } = metadata.safeParse(told);
  if (!success) throw new SyntaxError(`the metadata of differences are not sound:\n${z.prettifyError(error)}`);
  return { file: data.differencesFrom, sha256: data.differencesFromSha256 };
}

/** base + q scale, of the scale of each number's column, rounded to single precision. */
function added(base: Float32Array, steps: Float32Array, scales: Float32Array): Float32Array {
  const sums = new Float32Array(base.length), columns = scales.length;
  for (let row = 0; row < sums.length; row += columns) {
    for (let k = 0; k < columns; k++) sums[row + k] = base[row + k] + steps[row + k] * scales[k];
  }
  return sums;
}

/** A tensor's differences in steps, and the size of a step in each column, which is an index of the last axis: no number is farther off than half a step. */
function stepsFrom({ data, shape }: WritableTensor, base: Float32Array) {
  const columns = shape.at(-1)!, scales = new Float32Array(columns);
  data.forEach((value, i) => {
    scales[i % columns] = Math.max(scales[i % columns], Math.abs(value - base[i]) / STEPS);
  });
  const inside = (steps: number) => Math.max(-STEPS, Math.min(STEPS, Math.round(steps)));
  return { scales, steps: data.map((value, i) => inside((value - base[i]) / (scales[i % columns] || 1))) };
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));

/** See {@link stepsFrom}; undefined where a tensor has no counterpart, is a vector, or would lose more than the format may cost. */
function compact(tensor: WritableTensor, counterpart: WritableTensor | undefined) {
  const { shape, data } = tensor;
  if (shape.length < 2 || counterpart?.shape.join() !== shape.join()) return undefined;
  const { scales, steps } = stepsFrom(tensor, counterpart.data), found = added(counterpart.data, steps, scales);
  return norm(found.map((value, i) => value - data[i])) <= LARGEST_ERROR * norm(data) ? { scales, steps } : undefined;
}

/**
 * A file of these weights as differences from a base. As 16-bit floats stay: a tensor without a counterpart of its name and shape there, a vector, and what
 * would lose more than {@link LARGEST_ERROR}. Undefined where all of them do.
 *
 * @throws RangeError where a number has no half
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const base = new Map([["w", { shape: [1, 2], data: Float32Array.of(1, -2) }]]);
 * const near = new Map([["w", { shape: [1, 2], data: Float32Array.of(1.25, -2) }]]);
 * const bytes = writeDifferences(near, base, { file: "denoiser.safetensors", sha256: "0".repeat(64) })!;
 * assert.equal(baseOf(bytes)!.file, "denoiser.safetensors");
 * ```
 */
export function writeDifferences(tensors: Tensors, base: Tensors, from: BaseFile): Uint8Array | undefined {
  const scales = new Map<string, WritableTensor>(), halves = new Map<string, WritableTensor>();
  const integers = new Map<string, WritableTensor>();
  for (const [name, tensor] of tensors) {
    const found = tensors.has(name + SCALE) ? undefined : compact(tensor, base.get(name));
    if (!found) halves.set(name, tensor);
    else {
      scales.set(name + SCALE, { shape: [found.scales.length], data: found.scales });
      integers.set(name, { shape: tensor.shape, data: found.steps });
    }
  }
  if (integers.size === 0) return undefined;
  // The widest first, so that each number lies at a multiple of its size.
  return writeSafetensors(new Map([...scales, ...halves, ...integers]), {
    dtype: (name) => integers.has(name) ? "I8" : halves.has(name) ? "F16" : "F32",
    metadata: { differencesFrom: from.file, differencesFromSha256: from.sha256 },
  });
}

/**
 * The weights that a file of differences stands for, in single precision.
 *
 * @param stored what the file holds
 * @param base the weights of the file that it names
 * @throws SyntaxError where a tensor is of another type than the format has, or differences have no counterpart, or no scales, of their shape
 */
export function addedTo(base: Tensors, stored: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> {
  const isScale = (name: string) => name.endsWith(SCALE) && stored.get(name.slice(0, -SCALE.length))?.dtype === "I8";
  return new Map(
    [...stored].filter(([name]) => !isScale(name)).map(([name, { dtype, shape, data }]) => {
      if (dtype === "I8") return [name, { dtype: "F32", shape, data: whole(name, { shape, data }, base, stored) }];
      if (dtype === "F16" || dtype === "F32") return [name, { dtype, shape, data }];
      throw new SyntaxError(`"${name}" must be I8, or F16 or F32 where it is in full; got ${dtype}`);
    }),
  );
}

/** A tensor of differences with its counterpart added. */
function whole(name: string, { shape, data }: WritableTensor, base: Tensors, stored: Tensors): Float32Array {
  const counterpart = base.get(name), scales = stored.get(name + SCALE), columns = shape.slice(-1);
  const must = (of: string, found: WritableTensor | undefined, expected: readonly number[]) => {
    if (found?.shape.join() === expected.join()) return found.data;
    const got = found ? `[${found.shape.join(", ")}]` : "none";
    throw new SyntaxError(`the differences of "${name}" must have ${of} of shape [${expected.join(", ")}]; got ${got}`);
  };
  return added(must("a counterpart", counterpart, shape), data, must("scales", scales, columns));
}
