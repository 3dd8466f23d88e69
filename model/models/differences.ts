/**
 * Weights as 8-bit differences from those of another file, their base: a student is its model's denoiser and a little more, and takes half of what it
 * takes in 16-bit floats so. docs/distillation.md has the format in words.
 */
import { z } from "zod";
import { readSafetensorsMetadata, type StoredTensor } from "../diffusion/safetensors.ts";
import { file, sha256 } from "./card_parts.ts";
import { besideOf, joined, SCALE, scaled, scalePart, type Tensors, valuesOf, writeParts } from "./scaled.ts";

/**
 * A difference is so many steps of its column's scale at most, to each side: of a tensor the first of these that loses no more than `LARGEST_ERROR`. Fewer
 * different integers are fewer bytes where the file is compressed.
 */
const STEPS = [15, 23, 31, 47, 63, 95, 127];

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

/**
 * A file of these weights as differences from a base. As 16-bit floats stay: a tensor without a counterpart of its name and shape there, a vector, and what
 * would lose more than `LARGEST_ERROR` (scaled.ts). Undefined where all of them do.
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
  return writeParts(tensors, (name, tensor) => {
    const { shape } = tensor, counterpart = base.get(name);
    if (counterpart?.shape.join() !== shape.join()) return undefined;
    for (const most of STEPS) {
      const found = scaled(tensor, { most, base: counterpart.data });
      if (found) return { ...scalePart(found), "": { dtype: "I8", shape, data: found.integers } };
    }
  }, { differencesFrom: from.file, differencesFromSha256: from.sha256 });
}

/**
 * The weights that a file of differences stands for, in single precision.
 *
 * @param stored what the file holds
 * @param base the weights of the file that it names
 * @throws SyntaxError where a tensor is of another type than the format has, or differences have no counterpart, or no scales, of their shape
 */
export function addedTo(base: Tensors, stored: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> {
  return joined(stored, [SCALE], (name, { shape, data }) => {
    const of = `the differences of "${name}"`, counterpart = besideOf(of, "a counterpart", base.get(name), shape);
    const scales = besideOf(of, "scales", stored.get(name + SCALE), shape.slice(-1));
    return valuesOf({ integers: data, scales }, { shape }, counterpart);
  });
}
