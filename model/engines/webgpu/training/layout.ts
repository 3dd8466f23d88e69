/**
 * Where a network's parameters lie on the GPU while it is trained: as the kernels of the forward pass read them (`../packing.ts`), each
 * at a multiple of 64 numbers. Gradients, moments and averages lie the same way, so that an update needs no packing.
 */
import type { PairAttentionSizes, ParameterSpec } from "../../../networks/pair_attention/parameters.ts";
import { pairAttentionParameters, parameterCount } from "../../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../../diffusion/types.ts";
import { ALIGNMENT } from "../memory.ts";
import { packPairAttention } from "../packing.ts";
import { roundUp } from "../round_up.ts";

/** Numbers that parts are aligned to, as offsets of bindings are. */
export const CHUNK = ALIGNMENT / 4;

/** What becomes of a chunk of 64 numbers in an update. */
export const KINDS = { none: 0, adamw: 1, muon: 2 } as const;

/** A part of the layout, in numbers. */
export interface Part {
  readonly offset: number;
  readonly floats: number;
}

/** One of Muon's matrices `[rows, columns]` in the layout. */
export interface Matrix {
  readonly offset: number;
  /** Numbers from a row to the next. */
  readonly stride: number;
  readonly rows: number;
  readonly columns: number;
}

/** The layout of a network of these sizes. */
export interface TrainingLayout {
  readonly specs: readonly ParameterSpec[];
  /** By the names of `../packing.ts`; and `losses`, three sums that lie behind the parameters. */
  readonly parts: ReadonlyMap<string, Part>;
  /** Numbers that matrix products of whole batches find gradients for; the others' are summed up molecule by molecule. */
  readonly products: number;
  /** All numbers, a multiple of 64. */
  readonly length: number;
  /** For each number its index in storage order, or -1 where it is padding. */
  readonly places: Int32Array;
  /** One of {@link KINDS} a chunk. */
  readonly kinds: Uint32Array;
  readonly matrices: readonly Matrix[];
}

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Packs what `value` says of each parameter's index. */
function packed(space: LatentSpace, sizes: PairAttentionSizes, value: (index: number) => number) {
  let at = 0;
  const named = pairAttentionParameters(space, sizes).map(({ name, shape }) => {
    const data = new Float32Array(size(shape)).map(() => value(at++));
    return [name, { shape, data }] as const;
  });
  return packPairAttention(space, sizes, new Map(named));
}

/** The layout. Which parameter a number is, is found by packing indices in their place, so that `../packing.ts` alone decides. */
export function trainingLayout(space: LatentSpace, sizes: PairAttentionSizes): TrainingLayout {
  const specs = pairAttentionParameters(space, sizes), count = parameterCount(specs), digits = 4096;
  // Indices from 1 in two digits, each of which float32 holds exactly; 0 is padding.
  const [low, high] = [(k: number) => (k + 1) % digits, (k: number) => Math.floor((k + 1) / digits)]
    .map((digit) => packed(space, sizes, digit));
  const ofProduct = (name: string) => low.products.has(name.replace(/\.bias$/, ""));
  const others = [...low.others.keys()];
  const order = [...low.products.keys(), ...others.filter(ofProduct), ...others.filter((name) => !ofProduct(name))];
  const parts = new Map<string, Part>(),
    take = (from: typeof low, name: string) => from.products.get(name) ?? from.others.get(name)!;
  let at = 0, products = 0;
  for (const name of order) {
    const floats = take(low, name).length;
    parts.set(name, { offset: at, floats });
    at += roundUp(floats, CHUNK);
    if (ofProduct(name)) products = at;
  }
  parts.set("losses", { offset: at, floats: 3 });
  const length = at + CHUNK, places = new Int32Array(length).fill(-1), where = new Int32Array(count);
  for (const name of order) {
    const { offset } = parts.get(name)!, digits0 = take(low, name), digits1 = take(high, name);
    digits0.forEach((digit, k) => {
      const index = digit + digits * digits1[k] - 1;
      if (index >= 0) places[offset + k] = index, where[index] = offset + k;
    });
  }
  const kinds = new Uint32Array(length / CHUNK), matrices: Matrix[] = [];
  let index = 0;
  for (const { shape, optimiser } of specs) {
    const numbers = size(shape), [rows, columns] = shape.slice(-2);
    for (let k = 0; k < numbers; k++) kinds[Math.floor(where[index + k] / CHUNK)] = KINDS[optimiser];
    for (let k = 0; optimiser === "muon" && k < numbers; k += rows * columns) {
      const offset = where[index + k];
      matrices.push({ offset, stride: where[index + k + columns] - offset, rows, columns });
    }
    index += numbers;
  }
  return { specs, parts, products, length, places, kinds, matrices };
}

/** Parameters in storage order into the layout; padding is zero. */
export function arrange({ places, length }: TrainingLayout, flat: Float32Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(length);
  places.forEach((index, k) => index >= 0 && (out[k] = flat[index]));
  return out;
}

/** The layout's numbers in storage order. */
export function disarrange({ places, specs }: TrainingLayout, numbers: Float32Array): Float32Array {
  const out = new Float32Array(parameterCount(specs));
  places.forEach((index, k) => index >= 0 && (out[index] = numbers[k]));
  return out;
}
