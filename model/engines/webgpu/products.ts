/**
 * Matrix products of rows: y = x W + b for many rows x, where a piece of text says how an element of x is read (a concatenation,
 * a layer norm) and another what becomes of y (an activation, a sum with what was there). The order of a sum's terms depends on
 * nothing but the sizes, so a row comes out the same to the last bit wherever it stands.
 */
import type { Binding, Kernel } from "./kernel.ts";
import type { Gpu } from "./device.ts";
import type { Precision } from "../runtimes.ts";
import { roundUp } from "./round_up.ts";
import { createTileProduct, TILE_COLUMNS, TILE_ROWS, TILE_TERMS } from "./tiles.ts";

export { TILE_COLUMNS, TILE_ROWS, TILE_TERMS };

/** What to multiply. */
export interface Product<Name extends string> {
  readonly label: string;
  /** Length of the sums, a multiple of 16: the weight's rows, those that are padding included. */
  readonly terms: number;
  /** Columns of the result; the weight has them padded to a multiple of 64. */
  readonly columns: number;
  readonly precision?: Precision;
  /** What `load` and `store` read and write. */
  readonly bindings: Readonly<Record<Name, Binding>>;
  /** WGSL that declares what `load` and `store` call. */
  readonly declarations?: string;
  /** Body of `fn load(row: u32, quad: u32) -> vec4<f32>`: elements 4 quad to 4 quad + 3 of a row of x. */
  readonly load: string;
  /** Body of `fn store(row: u32, quad: u32, value: vec4<f32>)`: called for columns 4 quad to 4 quad + 3, those below `columns`. */
  readonly store: string;
}

/** Names of the bindings that every product has. */
export type ProductBinding = "weight" | "bias";

/**
 * Compiles a product. Its bindings are `weight` `[terms, columns padded]`, `bias` `[columns padded]`, and those given. It
 * runs in `productGroups(rows, columns)` workgroups; what it reads and writes must have rows for whole tiles.
 *
 * @throws RangeError where sizes don't fit the tiles
 */
export function createProduct<Name extends string>(
  gpu: Gpu,
  { label, terms, columns, precision = "f32", bindings, declarations, load, store }: Product<Name>,
): Promise<Kernel<Name | ProductBinding>> {
  if (terms % TILE_TERMS !== 0 || columns % 4 !== 0) {
    throw new RangeError(`terms must be a multiple of 16 and columns of 4; got ${terms} and ${columns}`);
  }
  const padded = roundUp(columns, TILE_COLUMNS);
  const own: Record<ProductBinding, Binding> = {
    weight: { access: "read", type: `array<vec4<${precision}>>` },
    bias: { access: "read", type: "array<vec4<f32>>" },
  };
  return createTileProduct<Name | ProductBinding>(gpu, {
    label,
    precision,
    bindings: { ...own, ...bindings } as Record<Name | ProductBinding, Binding>,
    declarations,
    setup: `
  let first_row = group.x * ${TILE_ROWS}u; let first_quad = group.y * ${TILE_COLUMNS / 4}u;
  let steps = ${terms / TILE_TERMS}u;`,
    bias: "return bias[quad];",
    left: load,
    right: `return weight[term * ${padded / 4}u + quad];`,
    store: padded === columns ? store : `if (quad < ${columns / 4}u) { ${store} }`,
  });
}

/** Workgroups of a product. */
export function productGroups(rows: number, columns: number): [number, number] {
  return [Math.ceil(rows / TILE_ROWS), Math.ceil(columns / TILE_COLUMNS)];
}

/** A weight `[terms, columns]`, padded with zeros to whole tiles. */
export function padWeight(data: Float32Array, terms: number, columns: number): Float32Array {
  const padded = roundUp(columns, TILE_COLUMNS), out = new Float32Array(roundUp(terms, TILE_TERMS) * padded);
  for (let k = 0; k < terms; k++) out.set(data.subarray(k * columns, (k + 1) * columns), k * padded);
  return out;
}
