/**
 * Matrix products as WGSL text: pieces of text say how either side is read, and what becomes of the result.
 *
 * A workgroup of 128 threads computes a tile of 64 rows by 64 columns, 16 terms of the sums at a time from workgroup memory;
 * a thread keeps 8 rows by 4 columns in registers, so that each number read from there is used 8 or 16 times.
 */
import type { Precision } from "../runtimes.ts";
import type { Gpu } from "./device.ts";
import { type Binding, createKernel, type Kernel } from "./kernel.ts";
import tile from "./tile.wgsl" with { type: "text" };
import { assemble } from "./wgsl.ts";

/** Rows and columns of a workgroup's tile; terms taken at a time. */
export const TILE_ROWS = 64, TILE_COLUMNS = 64, TILE_TERMS = 16;

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
  /** Body of `fn bias_of(quad: u32) -> vec4<f32>`: what is added to the columns of `quad`; nothing where absent. */
  readonly bias?: string;
  /** Body of `fn left(row: u32, quad: u32) -> vec4<f32>`: terms 4 quad to 4 quad + 3 of a row. */
  readonly left: string;
  /** Body of `fn right(term: u32, quad: u32)` to a vector of four numbers of the precision: columns 4 quad to 4 quad + 3 of a term. */
  readonly right: string;
  /** Body of `fn store(row: u32, quad: u32, value: vec4<f32>)`; called for whole tiles. */
  readonly store: string;
}

/** The text of a product, without its bindings. */
function text({ precision = "f32", declarations = "", setup, bias, left, right, store }: TileProduct<string>): string {
  const number = `alias Number = ${precision};`;
  const blocks = { number, declarations, setup, left, right, store, ...bias !== undefined && { bias } };
  return assemble(tile, { blocks });
}

/** Compiles a product. It runs in as many workgroups as its tiles. Throws Error where the adapter lacks the precision. */
export function createTileProduct<Name extends string>(gpu: Gpu, product: TileProduct<Name>): Promise<Kernel<Name>> {
  const { label, bindings, precision = "f32" } = product, f16 = precision === "f16";
  if (f16 && !gpu.f16) throw new Error(`the adapter (${gpu.label}) has no 16-bit floats`);
  return createKernel<Name>(gpu, { label, bindings, code: text(product as TileProduct<string>), f16 });
}
