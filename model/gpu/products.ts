/**
 * Matrix products of rows as WGSL text: y = x W + b for many rows x, where a piece of text says how an element of x is read
 * (a concatenation, a layer norm) and another what becomes of y (an activation, a sum with what was there).
 *
 * A workgroup of 128 threads computes a tile of 64 rows by 64 columns, 16 terms of the sums at a time from workgroup memory;
 * a thread keeps 8 rows by 4 columns in registers, so that each number read from there is used 8 or 16 times. The order of
 * a sum's terms depends on nothing but the sizes, so a row comes out the same to the last bit wherever it stands.
 */
import { type Binding, createKernel, type Kernel } from "./kernel.ts";
import type { Gpu } from "./device.ts";
import { activations, COMPONENTS, roundUp, unroll } from "./text.ts";

/** Rows and columns of a workgroup's tile; terms taken at a time. Weights and rows are padded to these. */
export const TILE_ROWS = 64, TILE_COLUMNS = 64, TILE_TERMS = 16;

/** Number format of weights and of the tiles; sums are always of 32 bits. */
export type Precision = "f32" | "f16";

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

const THREADS = 128, ROWS_EACH = 8;

/** The text of a product, without its bindings. */
function text({ terms, columns, precision = "f32", declarations = "", load, store }: Product<string>): string {
  const padded = roundUp(columns, TILE_COLUMNS), quads = TILE_COLUMNS / 4, K = TILE_TERMS / 4;
  const type = `vec4<${precision}>`, guard = padded === columns ? "" : `if (column < ${columns / 4}u)`;
  const each = (TILE_ROWS * K) / THREADS;
  const term = (quad: number) =>
    `{
    ${unroll(4, (c) => `let b${c} = right[${4 * quad + c}][local.x];`)}
    ${
      unroll(ROWS_EACH, (r) =>
        `{
      let a = left[row${r}][${quad}];
      part${r} += ${COMPONENTS.map((name, c) => `a.${name} * b${c}`).join(" + ")};
    }`)
    }
  }`;
  const f16 = precision === "f16";
  return `
${activations("vec4<f32>")}
${declarations}
fn load(row: u32, quad: u32) -> vec4<f32> { ${load} }
fn store(row: u32, quad: u32, value: vec4<f32>) { ${store} }

var<workgroup> left: array<array<${type}, ${K + 1}>, ${TILE_ROWS}>; // a row more than it needs, against bank conflicts
var<workgroup> right: array<array<${type}, ${quads}>, ${TILE_TERMS}>;

@compute @workgroup_size(${quads}, ${THREADS / quads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = group.x * ${TILE_ROWS}u;
  let column = group.y * ${quads}u + local.x;
  ${unroll(ROWS_EACH, (r) => `let row${r} = local.y + ${r * THREADS / quads}u; var sum${r} = bias[column];`)}
  for (var k = 0u; k < ${terms / TILE_TERMS}u; k++) {
    ${
    unroll(each, (u) =>
      `{
      let at = thread + ${u * THREADS}u;
      left[at / ${K}u][at % ${K}u] = ${type}(load(first + at / ${K}u, k * ${K}u + at % ${K}u));
    }`)
  }
    ${
    unroll(TILE_TERMS * quads / THREADS, (u) =>
      `{
      let at = thread + ${u * THREADS}u;
      right[at / ${quads}u][at % ${quads}u] =
        weight[(k * ${TILE_TERMS}u + at / ${quads}u) * ${padded / 4}u + group.y * ${quads}u + at % ${quads}u];
    }`)
  }
    workgroupBarrier();
    ${unroll(ROWS_EACH, (r) => `var part${r} = ${type}();`)}
    ${unroll(K, term)}
    ${unroll(ROWS_EACH, (r) => `sum${r} += ${f16 ? `vec4<f32>(part${r})` : `part${r}`};`)}
    workgroupBarrier();
  }
  ${unroll(ROWS_EACH, (r) => `${guard} { store(first + row${r}, column, sum${r}); }`)}
}`;
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
  product: Product<Name>,
): Promise<Kernel<Name | ProductBinding>> {
  const { label, terms, columns, precision = "f32", bindings } = product;
  if (terms % TILE_TERMS !== 0 || columns % 4 !== 0) {
    throw new RangeError(`a product of terms by 16 and columns by 4 asked, ${terms} and ${columns} given`);
  }
  if (precision === "f16" && !gpu.f16) throw new Error(`the adapter (${gpu.label}) has no 16-bit floats`);
  const own: Record<ProductBinding, Binding> = {
    weight: { access: "read", type: `array<vec4<${precision}>>` },
    bias: { access: "read", type: "array<vec4<f32>>" },
  };
  return createKernel<Name | ProductBinding>(gpu, {
    label,
    bindings: { ...own, ...bindings } as Record<Name | ProductBinding, Binding>,
    code: text(product as Product<string>),
    f16: precision === "f16",
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
