/** Gradients of a linear layer y = x W + b over many rows: of its input, dy W^T, and of its weight and bias, x^T dy and sum dy. */
import type { Gpu } from "../device.ts";
import type { Binding, Kernel } from "../kernel.ts";
import { TILE_COLUMNS, TILE_ROWS, TILE_TERMS } from "../products.ts";
import { roundUp } from "../round_up.ts";
import { COMPONENTS } from "./text.ts";
import { READ, WORDS, WRITE4 } from "./molecules.ts";
import { createTileProduct } from "../tiles.ts";

/** A layer: rows and columns of its weight, the latter padded to a multiple of 64 where it lies. */
interface Layer<Name extends string> {
  readonly label: string;
  readonly terms: number;
  readonly columns: number;
  readonly bindings: Readonly<Record<Name, Binding>>;
  /** WGSL that declares what the bodies below call. */
  readonly declarations?: string;
}

/** What a kernel of `createInputGradient` reads and does. */
export interface InputGradient<Name extends string> extends Layer<Name> {
  /** Body of `fn left(row: u32, quad: u32) -> vec4<f32>`: dy. */
  readonly dy: string;
  /** Body of `fn store(row: u32, quad: u32, value: vec4<f32>)`: called for dx, quads below `terms` / 4. */
  readonly store: string;
}

/** dy W^T. Runs in `productGroups(rows, terms)` workgroups. */
export function createInputGradient<Name extends string>(
  gpu: Gpu,
  { label, terms, columns, bindings, declarations, dy, store }: InputGradient<Name>,
): Promise<Kernel<Name | "weight">> {
  const padded = roundUp(columns, TILE_COLUMNS);
  return createTileProduct<Name | "weight">(gpu, {
    label: `${label}, gradient of its input`,
    bindings: { ...bindings, weight: READ } as Record<Name | "weight", Binding>,
    declarations,
    setup: `
  let first_row = group.x * ${TILE_ROWS}u; let first_quad = group.y * ${TILE_COLUMNS / 4}u;
  let steps = ${columns / TILE_TERMS}u;`,
    left: dy,
    right: `let k = 4u * quad * ${padded}u + term;
  return vec4<f32>(weight[k], weight[k + ${padded}u], weight[k + ${2 * padded}u], weight[k + ${3 * padded}u]);`,
    store: `if (quad < ${terms / 4}u) { ${store} }`,
  });
}

/** What a kernel of `createWeightGradient` reads. */
export interface WeightGradient<Name extends string> extends Layer<Name> {
  /** Body of `fn x(row: u32, k: u32) -> f32`. */
  readonly x: string;
  /** Body of `fn dy(row: u32, quad: u32) -> vec4<f32>`. */
  readonly dy: string;
  /** WGSL: whether the weight at `row` and the columns of `quad` is no padding; all is where absent. */
  readonly where?: string;
}

/** Workgroups of a weight's gradient, with a row for the bias's, in so many slices of the rows. */
export const weightGroups = (terms: number, columns: number, slices: number): [number, number] => [
  Math.ceil((terms + 1) / TILE_ROWS),
  Math.ceil(columns / TILE_COLUMNS) * slices,
];

/**
 * x^T dy and sum dy over slices of `extent[3]` rows, into `partials` `[slices, products]` at `place[0]` and `place[1]`; the sum is the
 * product with a further column of x, which is 1. Runs in `weightGroups(terms, columns, slices)` workgroups.
 */
export function createWeightGradient<Name extends string>(
  gpu: Gpu,
  { label, terms, columns, bindings, declarations = "", x, dy, where = "true" }: WeightGradient<Name>,
): Promise<Kernel<Name | "extent" | "place" | "partials">> {
  const padded = roundUp(columns, TILE_COLUMNS), tiles = padded / TILE_COLUMNS;
  return createTileProduct<Name | "extent" | "place" | "partials">(gpu, {
    label: `${label}, gradient of its weight`,
    bindings: { ...bindings, extent: WORDS, place: WORDS, partials: WRITE4 } as Record<
      Name | "extent" | "place" | "partials",
      Binding
    >,
    declarations: `${declarations}
var<private> begin: u32;
var<private> end: u32;
var<private> slice: u32;
fn x(row: u32, k: u32) -> f32 { ${x} }
fn dy(row: u32, quad: u32) -> vec4<f32> { ${dy} }`,
    setup: `
  slice = group.y / ${tiles}u;
  let first_row = group.x * ${TILE_ROWS}u; let first_quad = group.y % ${tiles}u * ${TILE_COLUMNS / 4}u;
  begin = min(group.y / ${tiles}u * extent[3], extent[0]);
  end = min(begin + extent[3], extent[0]);
  let start = min(group.y / ${tiles}u * extent[3], extent[0]);
  let steps = (min(start + extent[3], extent[0]) - start + ${TILE_TERMS - 1}u) / ${TILE_TERMS}u;`,
    left: `var value = vec4<f32>();
  let r = begin + 4u * quad;
  if (row < ${terms}u) {
    ${COMPONENTS.map((name, c) => `if (r + ${c}u < end) { value.${name} = x(r + ${c}u, row); }`).join("\n")}
  } else if (row == ${terms}u) {
    value = vec4<f32>(1.0); // dy is 0 beyond the end
  }
  return value;`,
    right: `if (begin + term < end && quad < ${columns / 4}u) { return dy(begin + term, quad); }
  return vec4<f32>();`,
    store: `if (quad >= ${columns / 4}u) { return; }
  if (row == ${terms}u) {
    partials[(slice * extent[4] + place[1]) / 4u + quad] = value;
  } else if (row < ${terms}u && (${where})) {
    partials[(slice * extent[4] + place[0] + row * ${padded}u) / 4u + quad] = value;
  }`,
  });
}
