/**
 * Matrix products in tiles of 64 by 64 as `../products.ts` has them, for both sides given by pieces of text: gradients of
 * weights, products with a weight's transpose, and many small matrices in one dispatch.
 */
import type { Gpu } from "../device.ts";
import { type Binding, createKernel, type Kernel } from "../kernel.ts";
import { TILE_COLUMNS, TILE_ROWS, TILE_TERMS } from "../products.ts";
import { activations, COMPONENTS, unroll } from "../text.ts";

const THREADS = 128, ROWS_EACH = 8, QUADS = TILE_COLUMNS / 4, K = TILE_TERMS / 4;

/** What to multiply. Rows, quads (of columns) and terms count from the product's own beginning. */
export interface TileProduct<Name extends string> {
  readonly label: string;
  readonly bindings: Readonly<Record<Name, Binding>>;
  /** WGSL that declares what the bodies below call. */
  readonly declarations?: string;
  /** Statements that declare `first_row`, `first_quad` and `steps` (of 16 terms) from `group`, the workgroup's number. */
  readonly setup: string;
  /** Body of `fn left(row: u32, quad: u32) -> vec4<f32>`: terms 4 quad to 4 quad + 3 of a row. */
  readonly left: string;
  /** Body of `fn right(term: u32, quad: u32) -> vec4<f32>`: columns 4 quad to 4 quad + 3 of a term. */
  readonly right: string;
  /** Body of `fn store(row: u32, quad: u32, value: vec4<f32>)`; called for whole tiles. */
  readonly store: string;
  /** Body of `fn store_sums(quad: u32, value: vec4<f32>)`: the right side's columns, summed; by the tiles of row 0. */
  readonly sums?: string;
}

/** Compiles a product. It runs in as many workgroups as its tiles. */
export function createTileProduct<Name extends string>(
  gpu: Gpu,
  { label, bindings, declarations = "", setup, left, right, store, sums }: TileProduct<Name>,
): Promise<Kernel<Name>> {
  const each = (count: number, statement: (at: string) => string) =>
    unroll(count / THREADS, (u) => `{ let at = thread + ${u * THREADS}u; ${statement("at")} }`);
  const code = `
${activations("vec4<f32>")}
${declarations}
fn left(row: u32, quad: u32) -> vec4<f32> { ${left} }
fn right(term: u32, quad: u32) -> vec4<f32> { ${right} }
fn store(row: u32, quad: u32, value: vec4<f32>) { ${store} }
${sums === undefined ? "" : `fn store_sums(quad: u32, value: vec4<f32>) { ${sums} }`}
var<workgroup> left_tile: array<array<vec4<f32>, ${K + 1}>, ${TILE_ROWS}>;
var<workgroup> right_tile: array<array<vec4<f32>, ${QUADS}>, ${TILE_TERMS}>;

@compute @workgroup_size(${QUADS}, ${THREADS / QUADS})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  ${setup}
  ${unroll(ROWS_EACH, (r) => `var sum${r} = vec4<f32>();`)}
  ${sums === undefined ? "" : "var total = vec4<f32>();"}
  for (var step = 0u; step < steps; step++) {
    ${
    each(
      TILE_ROWS * K,
      (at) =>
        `left_tile[${at} / ${K}u][${at} % ${K}u] = left(first_row + ${at} / ${K}u, step * ${K}u + ${at} % ${K}u);`,
    )
  }
    ${
    each(
      TILE_TERMS * QUADS,
      (at) =>
        `right_tile[${at} / ${QUADS}u][${at} % ${QUADS}u] =
          right(step * ${TILE_TERMS}u + ${at} / ${QUADS}u, first_quad + ${at} % ${QUADS}u);`,
    )
  }
    workgroupBarrier();
    for (var quad = 0u; quad < ${K}u; quad++) {
      ${unroll(4, (c) => `let b${c} = right_tile[4u * quad + ${c}u][local.x];`)}
      ${sums === undefined ? "" : "total += (b0 + b1) + (b2 + b3);"}
      ${
    unroll(ROWS_EACH, (r) =>
      `{
        let a = left_tile[local.y + ${r * THREADS / QUADS}u][quad];
        sum${r} += ${COMPONENTS.map((name, c) => `a.${name} * b${c}`).join(" + ")};
      }`)
  }
    }
    workgroupBarrier();
  }
  ${
    unroll(
      ROWS_EACH,
      (r) => `store(first_row + local.y + ${r * THREADS / QUADS}u, first_quad + local.x, sum${r});`,
    )
  }
  ${sums === undefined ? "" : "if (first_row == 0u && local.y == 0u) { store_sums(first_quad + local.x, total); }"}
}`;
  return createKernel<Name>(gpu, { label, bindings, code });
}
