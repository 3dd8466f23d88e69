/**
 * Matrix products as WGSL text: pieces of text say how either side is read, and what becomes of the result.
 *
 * A workgroup of 128 threads computes a tile of 64 rows by 64 columns, 16 terms of the sums at a time from workgroup memory;
 * a thread keeps 8 rows by 4 columns in registers, so that each number read from there is used 8 or 16 times.
 */
import type { Precision } from "../runtimes.ts";
import type { Gpu } from "./device.ts";
import { type Binding, createKernel, type Kernel } from "./kernel.ts";
import { activations, COMPONENTS, unroll } from "./text.ts";

/** Rows and columns of a workgroup's tile; terms taken at a time. */
export const TILE_ROWS = 64, TILE_COLUMNS = 64, TILE_TERMS = 16;

const THREADS = 128, ROWS_EACH = 8, QUADS = TILE_COLUMNS / 4, K = TILE_TERMS / 4;

/** What to multiply. Rows, quads (of columns) and terms count from the product's own beginning. */
export interface TileProduct<Name extends string> {
  readonly label: string;
  /** Number format of the tiles; sums are always of 32 bits. */
  readonly precision?: Precision;
  readonly bindings: Readonly<Record<Name, Binding>>;
  /** WGSL that declares what the bodies below call. */
  readonly declarations?: string;
  /** Statements that declare `first_row`, `first_quad` and `steps` (of 16 terms) from `group`, the workgroup's number. */
  readonly setup: string;
  /** WGSL of what is added to the columns of `quad`; nothing where absent. */
  readonly bias?: string;
  /** Body of `fn left(row: u32, quad: u32) -> vec4<f32>`: terms 4 quad to 4 quad + 3 of a row. */
  readonly left: string;
  /** Body of `fn right(term: u32, quad: u32)` to a vector of four numbers of the precision: columns 4 quad to 4 quad + 3 of a term. */
  readonly right: string;
  /** Body of `fn store(row: u32, quad: u32, value: vec4<f32>)`; called for whole tiles. */
  readonly store: string;
  /** Body of `fn store_sums(quad: u32, value: vec4<f32>)`: the right side's columns, summed; by the tiles of row 0. */
  readonly sums?: string;
}

/** The text of a product, without its bindings. */
function text(product: TileProduct<string>): string {
  const { precision = "f32", declarations = "", setup, bias = "vec4<f32>()", left, right, store, sums } = product;
  const type = `vec4<${precision}>`, summed = (text: string) => sums === undefined ? "" : text;
  const wide = (value: string) => precision === "f32" ? value : `vec4<f32>(${value})`;
  /** Work for each of `count` numbers, dealt out to the threads. */
  const each = (count: number, work: string) =>
    unroll(count / THREADS, (u) => `{ let at = thread + ${u * THREADS}u; ${work} }`);
  const term = (quad: number) =>
    `{
      ${unroll(4, (c) => `let b${c} = right_tile[${4 * quad + c}][local.x];`)}
      ${summed(`total += ${wide("(b0 + b1) + (b2 + b3)")};`)}
      ${
      unroll(ROWS_EACH, (r) =>
        `{
        let a = left_tile[row${r}][${quad}];
        part${r} += ${COMPONENTS.map((name, c) => `a.${name} * b${c}`).join(" + ")};
      }`)
    }
    }`;
  return `
${activations("vec4<f32>")}
${declarations}
fn left(row: u32, quad: u32) -> vec4<f32> { ${left} }
fn right(term: u32, quad: u32) -> ${type} { ${right} }
fn store(row: u32, quad: u32, value: vec4<f32>) { ${store} }
${summed(`fn store_sums(quad: u32, value: vec4<f32>) { ${sums} }`)}
var<workgroup> left_tile: array<array<${type}, ${
    K + 1
  }>, ${TILE_ROWS}>; // a row more than it needs, against bank conflicts
var<workgroup> right_tile: array<array<${type}, ${QUADS}>, ${TILE_TERMS}>;

@compute @workgroup_size(${QUADS}, ${THREADS / QUADS})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  ${setup}
  let quad = first_quad + local.x;
  ${unroll(ROWS_EACH, (r) => `let row${r} = local.y + ${r * THREADS / QUADS}u; var sum${r} = ${bias};`)}
  ${summed("var total = vec4<f32>();")}
  for (var step = 0u; step < steps; step++) {
    ${
    each(
      TILE_ROWS * K,
      `left_tile[at / ${K}u][at % ${K}u] = ${type}(left(first_row + at / ${K}u, step * ${K}u + at % ${K}u));`,
    )
  }
    ${
    each(
      TILE_TERMS * QUADS,
      `right_tile[at / ${QUADS}u][at % ${QUADS}u] =
        right(step * ${TILE_TERMS}u + at / ${QUADS}u, first_quad + at % ${QUADS}u);`,
    )
  }
    workgroupBarrier();
    ${unroll(ROWS_EACH, (r) => `var part${r} = ${type}();`)}
    ${unroll(K, term)}
    ${unroll(ROWS_EACH, (r) => `sum${r} += ${wide(`part${r}`)};`)}
    workgroupBarrier();
  }
  ${unroll(ROWS_EACH, (r) => `store(first_row + row${r}, quad, sum${r});`)}
  ${summed("if (first_row == 0u && local.y == 0u) { store_sums(quad, total); }")}
}`;
}

/** Compiles a product. It runs in as many workgroups as its tiles. Throws Error where the adapter lacks the precision. */
export function createTileProduct<Name extends string>(gpu: Gpu, product: TileProduct<Name>): Promise<Kernel<Name>> {
  const { label, bindings, precision = "f32" } = product, f16 = precision === "f16";
  if (f16 && !gpu.f16) throw new Error(`the adapter (${gpu.label}) has no 16-bit floats`);
  return createKernel<Name>(gpu, { label, bindings, code: text(product as TileProduct<string>), f16 });
}
