/**
 * A layer of edges as one kernel (Satorras et al., 2021, eqs. 3 to 5): from projections of the nodes and their positions to the
 * sums of messages that nodes hear, or to the positions that they move to. No edge's numbers are ever stored; see `edges.wgsl`.
 */
import type { EgnnSizes } from "../../../networks/egnn_parameters.ts";
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import type { Precision } from "../../runtimes.ts";
import { assemble } from "../wgsl.ts";
import edges from "./edges.wgsl" with { type: "text" };
import { edgeTiling, GROUPS } from "./tiling.ts";

/** Terms of the second layer's sums at a time; numbers of half the length, twice as many where the width allows. */
const termsOf = (width: number, precision: Precision) => precision === "f16" && width % 32 === 0 ? 32 : 16;

/** What a layer of edges is for. */
export type EdgeKind = "messages" | "coordinates";

/** What to compile. */
export interface EdgeOptions {
  readonly kind: EdgeKind;
  readonly sizes: EgnnSizes;
  readonly nodes: number;
  readonly precision?: Precision;
}

/** The bindings of `createEdges`. */
export type EdgeBinding = "projections" | "start" | "positions" | "constants" | "weight" | "result";

/** Bytes of workgroup memory. */
export function edgeMemory({ sizes: { width: F }, nodes, precision = "f32" }: Omit<EdgeOptions, "kind">): number {
  const rows = GROUPS * edgeTiling(nodes).rows, number = precision === "f32" ? 4 : 2;
  return number * termsOf(F, precision) * (rows + F) + 4 * stageFloats(F, rows) + 28 * rows;
}

/** Room for a number of each row and lane, with one to spare against bank conflicts, and for a row of each group. */
const stageFloats = (F: number, rows: number) => Math.max(rows * (F / 8 + 1), GROUPS * F);

/** A step of the second layer's sums where its index is a constant; in a loop where it is not put in the loop's place. */
const WRITTEN_OUT = "{\nconst quad = $t;";

/** Results by single numbers; by quads where absent. */
const SINGLE = `
@group(0) @binding(5) var<storage, read_write> result: array<f32>;
fn tell_quad(at: u32, value: vec4<f32>) {}
fn tell(at: u32, value: f32) { result[at] = value; }
fn told(at: u32) -> f32 { return result[at]; }`;

/** Products of 16 bits, whose sums of a lot of terms are added up in 32. */
const HALF = `
alias Number = f16;
fn begun(sum: vec4<f32>) -> vec4<f16> { return vec4<f16>(); }
fn ended(sum: vec4<f32>, part: vec4<f16>) -> vec4<f32> { return sum + vec4<f32>(part); }`;

/** What is put in the place of the file's own blocks. */
function blocksOf(
  { kind, sizes, nodes, precision }: EdgeOptions,
  { each, heard, terms }: { readonly each: number; readonly heard: number; readonly terms: number },
): Record<string, string> {
  const messages = kind === "messages", gated = !messages || sizes.attention;
  const gate = messages
    ? (gated ? "return 1.0 / (1.0 + exp(min(-total, 80.0)));" : "return 1.0;")
    : (sizes.tanh ? "return RANGE * tanh1(total);" : "return total;");
  return {
    sizes: [
      ...Object.entries({ F: sizes.width, TERMS: terms, EACH: each, HEARD: heard }).map(([name, n]) =>
        `const ${name} = ${n}u;`
      ),
      `const MESSAGES = ${messages};`,
      `const GATED = ${gated};`,
    ].join("\n"),
    gate,
    ...!(messages && edgeTiling(nodes).parts === 1) && { result: SINGLE },
    ...precision === "f16" && { precision: HALF },
  };
}

/**
 * Compiles it. On a GPU loops over terms are written out, as indices that are constants are not checked at run time; a software
 * adapter would take longer to compile that than it gains. `projections` `[rows, 4 width]`: source and target of the coordinates' layer, then of the messages'; `start` and
 * `positions` `[rows, 3]`: at the network's input and at the block's; `constants` and `weight`: see `packing.ts`; `result`:
 * `[rows, width]` of messages, or `[rows, 3]`. Runs in rows / `edgeTiling(nodes).receivers` workgroups.
 *
 * @throws RangeError where the device has too little workgroup memory
 */
export function createEdges(gpu: Gpu, options: EdgeOptions): Promise<Kernel<EdgeBinding>> {
  const { kind, sizes, nodes, precision = "f32" } = options, F = sizes.width, f16 = precision === "f16";
  const tiling = edgeTiling(nodes), { receivers, capacity, rows: each, parts, chunks } = tiling;
  const asked = edgeMemory(options), most = gpu.device.limits.maxComputeWorkgroupStorageSize;
  if (asked > most) throw new RangeError(`workgroup memory of ${asked} bytes asked, the adapter has ${most}`);
  if (f16 && !gpu.f16) throw new Error(`the adapter (${gpu.label}) has no 16-bit floats`);
  const terms = termsOf(F, precision), heard = kind === "messages" && parts === 1 ? each / capacity : 1;
  const quads = gpu.software ? 1 : terms / 4;
  return createKernel<EdgeBinding>(gpu, {
    label: `${kind} of ${nodes} nodes`,
    f16,
    code: assemble(edges, {
      blocks: { ...blocksOf(options, { each, heard, terms }), ...!gpu.software && { quad: WRITTEN_OUT } },
      counts: { EDGES: each, TERM_QUADS: terms / 4, QUADS: quads, HEARD: heard },
    }),
    constants: {
      NODES: nodes,
      RECEIVERS: receivers,
      CAPACITY: capacity,
      PARTS: parts,
      CHUNKS: chunks,
      OFFSET: kind === "messages" ? F / 2 : 0,
      SHARE: 1 / (sizes.aggregation === "mean" ? nodes : sizes.normalisationFactor),
      NORM_CONSTANT: sizes.normConstant,
      RANGE: sizes.coordinateRange,
      STAGE: stageFloats(F, GROUPS * each),
    },
  });
}
