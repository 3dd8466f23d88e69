/** Weights of a pair-attention denoiser as its kernels read them: padded to tiles, and products of one input joined. */
import {
  DISTANCES,
  PAIR_WIDTH,
  type PairAttentionSizes,
  SETS,
  TIMES,
  toldRows,
} from "../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { padWeight, TILE_TERMS } from "./products.ts";
import { roundUp } from "./round_up.ts";

/** Parameters by name, of checked shapes; see `pair_attention/parameters.ts`. */
export type Parameters = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Numbers in a row of the joined projections: q, k, v (width each), then the two halves of the edge layer. */
export const projectedColumns = (width: number): number => 3 * width + 2 * PAIR_WIDTH;

/**
 * Columns of the last product: logits of the classes, padded to a multiple of 16, then what nodes add to their bonds. `floats`: from
 * one row of its result to the next.
 */
export function endColumns({ scalars: K }: LatentSpace): { scalars: number; all: number; floats: number } {
  const scalars = roundUp(K, 16), all = scalars + PAIR_WIDTH;
  return { scalars, all, floats: roundUp(all, 64) };
}

/** Writes `source` `[rows, columns]` into `out` `[_, width]` at a column. */
function paste(out: Float32Array, width: number, column: number, source: Float32Array, columns: number): void {
  for (let k = 0; k * columns < source.length; k++) {
    out.set(source.subarray(k * columns, (k + 1) * columns), k * width + column);
  }
}

/**
 * The weights by name. Those under `products` are padded to tiles and multiply rows; the others are small and read as they are:
 * `bonds.out` has four (or eight) columns, `coordinates.in` and `coordinates.out` their own.
 */
export function packPairAttention(
  space: LatentSpace,
  { width: f, blocks, estimates = false, ...told }: PairAttentionSizes,
  parameters: Parameters,
): { readonly products: Map<string, Float32Array>; readonly others: Map<string, Float32Array> } {
  const { scalars: K, pairs: P } = space;
  const products = new Map<string, Float32Array>(), others = new Map<string, Float32Array>();
  const data = (name: string) => parameters.get(name)!.data;
  const product = (name: string, weight: Float32Array, bias: Float32Array, columns: number) => {
    products.set(name, padWeight(weight, weight.length / columns, columns));
    others.set(`${name}.bias`, padWeight(bias, 1, columns).subarray(0, roundUp(columns, 64)));
  };
  const same = (name: string) =>
    product(name, data(`${name}.weight`), data(`${name}.bias`), data(`${name}.bias`).length);

  /** A pair's first weight [features, 32]; what estimates add stands before the distances of the sets. */
  const radial = (name: string, at: string) => {
    const own = data(`${name}.weight`), before = (DISTANCES + P) * PAIR_WIDTH;
    return estimates
      ? Float32Array.of(...own.subarray(0, before), ...data(`${at}.estimate.weight`), ...own.subarray(before))
      : own;
  };

  const input = new Float32Array(roundUp(K + TIMES + toldRows(told), TILE_TERMS) * f);
  input.set(data("input.weight"));
  product("input", input, data("input.bias"), f);
  others.set("coordinates.in", data("coordinates.in"));
  for (let b = 0; b < blocks; b++) {
    const at = `blocks.${b}`, columns = projectedColumns(f);
    const weight = new Float32Array((f + SETS) * columns), bias = new Float32Array(columns);
    for (let part = 0; part < 3; part++) {
      paste(weight, columns, part * f, data(`${at}.qkv.weight`).subarray(part * f * f, (part + 1) * f * f), f);
    }
    paste(weight, columns, 3 * f, data(`${at}.edge.weight`), 2 * PAIR_WIDTH);
    bias.set(data(`${at}.qkv.bias`));
    bias.set(data(`${at}.edge.bias`), 3 * f);
    product(`${at}.projected`, weight, bias, columns);
    for (const name of ["out", "up", "down"]) same(`${at}.${name}`);
    others.set(`${at}.radial`, radial(`${at}.radial`, at));
    others.set(`${at}.pair`, data(`${at}.pair.weight`));
    others.set(`${at}.pair.bias`, data(`${at}.pair.bias`));
    others.set(`${at}.mix`, data(`${at}.mix`));
  }
  const end = endColumns(space), ends = new Float32Array(f * end.all), bias = new Float32Array(end.all);
  paste(ends, end.all, 0, data("scalars.weight"), K);
  paste(ends, end.all, end.scalars, data("bonds.node.weight"), PAIR_WIDTH);
  bias.set(data("scalars.bias"));
  bias.set(data("bonds.node.bias"), end.scalars);
  product("ends", ends, bias, end.all);
  others.set("bonds.pair", radial("bonds.pair", "bonds"));
  others.set("bonds.pair.bias", data("bonds.pair.bias"));
  const wide = roundUp(P, 4), out = new Float32Array(PAIR_WIDTH * wide), outBias = new Float32Array(wide);
  paste(out, wide, 0, data("bonds.out.weight"), P);
  outBias.set(data("bonds.out.bias"));
  others.set("bonds.out", out);
  others.set("bonds.out.bias", outBias);
  others.set("coordinates.out", data("coordinates.out"));
  return { products, others };
}
