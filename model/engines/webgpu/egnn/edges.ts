/**
 * A layer of edges as one kernel (Satorras et al., 2021, eqs. 3 to 5): from projections of the nodes and their positions to the
 * sums of messages that nodes hear, or to the positions that they move to. No edge's numbers are ever stored.
 *
 * A workgroup takes some receiving nodes i and all edges to them (`tiling.ts`). The first layer, silu(A h_i + b + B h_j + D [d, d0]),
 * is computed into workgroup memory, 16 (or 32) of its columns at a time, beside the same rows of the second layer's weights; a thread
 * keeps the second layer's sums of up to 9 edges by 8 columns in registers. Then gates are summed over columns, and
 * messages over senders.
 */
import type { EgnnSizes } from "../../../networks/egnn_parameters.ts";
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import type { Precision } from "../../runtimes.ts";
import { activations, COMPONENTS, float, unroll } from "../text.ts";
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

/**
 * Compiles it. On a GPU loops over terms are written out, as indices that are constants are not checked at run time; a software
 * adapter would take longer to compile that than it gains. `projections` `[rows, 4 width]`: source and target of the coordinates' layer, then of the messages'; `start` and
 * `positions` `[rows, 3]`: at the network's input and at the block's; `constants` and `weight`: see `packing.ts`; `result`:
 * `[rows, width]` of messages, or `[rows, 3]`. Runs in rows / `edgeTiling(nodes).receivers` workgroups.
 *
 * @throws RangeError where the device has too little workgroup memory
 */
export function createEdges(gpu: Gpu, options: EdgeOptions): Promise<Kernel<EdgeBinding>> {
  const { kind, sizes, nodes, precision = "f32" } = options, F = sizes.width, lanes = F / 8, Q = F / 4;
  const { receivers, capacity, rows: each, parts, chunks } = edgeTiling(nodes), rows = GROUPS * each;
  const TERMS = termsOf(F, precision), K = TERMS / 4;
  const asked = edgeMemory(options), most = gpu.device.limits.maxComputeWorkgroupStorageSize;
  if (asked > most) throw new RangeError(`workgroup memory of ${asked} bytes asked, the adapter has ${most}`);
  if (precision === "f16" && !gpu.f16) throw new Error(`the adapter (${gpu.label}) has no 16-bit floats`);
  const type = `vec4<${precision}>`, f16 = precision === "f16", offset = kind === "messages" ? 2 * Q : 0;
  const divisor = sizes.aggregation === "mean" ? nodes : sizes.normalisationFactor;
  const gated = kind === "coordinates" || sizes.attention;
  /** Statements for each of the thread's rows and both its quads of columns. */
  const sums = (statement: (r: number, q: number) => string) => unroll(each, (r) => unroll(2, (q) => statement(r, q)));
  const into = f16 ? "part" : "sum";
  const shared = (items: number, body: string) => `
    for (var at = thread; at < ${items}u; at += ${F}u) { ${body} }`;
  const gate = kind === "messages" ? (sizes.attention ? `1.0 / (1.0 + exp(min(-total, 80.0)))` : `1.0`) : (
    sizes.tanh ? `${float(sizes.coordinateRange)} * tanh1(total)` : `total`
  );
  /** What a row's thread makes of its gate. */
  const told = kind === "messages" ? `gates[row] = share * ${gate};` : `
      let between = position(ends[row].x) - position(ends[row].y);
      let weight = share * ${gate} / (sqrt(dot(between, between) + 1e-8) + ${float(sizes.normConstant)});
      ${COMPONENTS.slice(0, 3).map((name, a) => `gates[${a * rows}u + row] = weight * between.${name};`).join(" ")}`;
  const heard = parts === 1 ? each / capacity : 1;
  /** Messages heard, summed over senders in order: within a thread, then over the groups of one receiver. */
  const hear = unroll(each, (r) => {
    const e = Math.floor(r / (each / heard));
    return `{ let g = gates[local.y * ${each}u + ${r}u];
      ${unroll(2, (q) => `heard${e}_${q} = fma(vec4<f32>(g), sum${r}_${q}, heard${e}_${q});`)} }`;
  });
  const tell = parts === 1
    ? unroll(
      heard,
      (e) =>
        unroll(2, (q) =>
          `result[(first + local.y * ${heard}u + ${e}u) * ${Q}u + local.x + ${q * lanes}u] = heard${e}_${q};`),
    )
    : `workgroupBarrier();
    ${
      unroll(2, (q) =>
        unroll(4, (c) =>
          `stage[local.y * ${F}u + 4u * (local.x + ${q * lanes}u) + ${c}u] = heard0_${q}.${COMPONENTS[c]};`))
    }
    workgroupBarrier();
    ${
      shared(
        receivers * F,
        `
      let receiver = at / ${F}u; let column = at % ${F}u;
      var total = stage[receiver * ${parts * F}u + column];
      ${unroll(parts - 1, (p) => `total += stage[receiver * ${parts * F}u + ${(p + 1) * F}u + column];`)}
      result[(first + receiver) * ${F}u + column] = total;`,
      )
    }`;
  /** A quad of terms: eight columns of the weights by four terms, then each row's. */
  const products = (term: string, quad: string) => `
        ${unroll(4, (c) => unroll(2, (q) => `let b${c}_${q} = right[${term} + ${c}u][local.x + ${q * lanes}u];`))}
        ${
    unroll(each, (r) =>
      `{ let a = left[${r}][local.y][${quad}];
          ${
        unroll(
          4,
          (c) => unroll(2, (q) => `${into}${r}_${q} = fma(${type}(a.${COMPONENTS[c]}), b${c}_${q}, ${into}${r}_${q});`),
        )
      } }`)
  }`;
  const code = `
${activations("vec4<f32>")}
fn tanh1(x: f32) -> f32 { return 1.0 - 2.0 / (exp(min(2.0 * x, 80.0)) + 1.0); }
fn position(row: u32) -> vec3<f32> { return vec3<f32>(positions[3u * row], positions[3u * row + 1u], positions[3u * row + 2u]); }
fn beginning(row: u32) -> vec3<f32> { return vec3<f32>(start[3u * row], start[3u * row + 1u], start[3u * row + 2u]); }

var<workgroup> left: array<array<array<${type}, ${K}>, ${GROUPS}>, ${each}>; // a group's rows apart, so that their places are constants
var<workgroup> right: array<array<${type}, ${Q}>, ${TERMS}>;
var<workgroup> stage: array<f32, ${stageFloats(F, rows)}>;
var<workgroup> ends: array<vec2<u32>, ${rows}>; // receiver and sender of an edge
var<workgroup> distances: array<vec2<f32>, ${rows}>; // their squared distances, at the block and at the start
var<workgroup> gates: array<f32, ${3 * rows}>;

@compute @workgroup_size(${lanes}, ${GROUPS})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = group.x * ${receivers}u;
  ${kind === "messages" ? unroll(heard, (e) => unroll(2, (q) => `var heard${e}_${q} = vec4<f32>();`)) : ""}
  for (var chunk = 0u; chunk < ${chunks}u; chunk++) {
    ${
    shared(
      rows,
      `
      let i = first + at / ${capacity}u; let own = i % ${nodes}u;
      let slot = chunk * ${capacity}u + at % ${capacity}u;
      let sender = select(slot + select(0u, 1u, slot >= own), own, slot >= ${nodes - 1}u);
      let j = i - own + sender;
      let between = position(i) - position(j); let before = beginning(i) - beginning(j);
      ends[at] = vec2<u32>(i, j);
      distances[at] = vec2<f32>(dot(between, between), dot(before, before));`,
    )
  }
    workgroupBarrier();
    ${sums((r, q) => `var sum${r}_${q} = constants[${2 * Q + q * lanes}u + local.x];`)}
    for (var k = 0u; k < ${F / TERMS}u; k++) {
      ${unroll(K, (u) => `let w${u} = weight[k * ${TERMS * Q}u + thread + ${u * F}u];`)}
      ${
    shared(
      rows * K,
      `
        let row = at / ${K}u; let quad = k * ${K}u + at % ${K}u; let distance = distances[row];
        let source = projections[ends[row].x * ${F}u + ${offset}u + quad];
        let target_ = projections[ends[row].y * ${F}u + ${offset + Q}u + quad];
        left[row % ${each}u][row / ${each}u][at % ${K}u] = ${type}(silu(source + target_
          + distance.x * constants[quad] + distance.y * constants[${Q}u + quad]));`,
    )
  }
      ${unroll(K, (u) => `right[thread / ${Q}u + ${4 * u}u][thread % ${Q}u] = w${u};`)}
      workgroupBarrier();
      ${f16 ? sums((r, q) => `var part${r}_${q} = ${type}();`) : ""}
      ${
    gpu.software
      ? `for (var quad = 0u; quad < ${K}u; quad++) { ${products("4u * quad", "quad")} }`
      : unroll(K, (quad) => `{ ${products(`${4 * quad}u`, `${quad}u`)} }`)
  }
      ${f16 ? sums((r, q) => `sum${r}_${q} += vec4<f32>(part${r}_${q});`) : ""}
      workgroupBarrier();
    }
    ${sums((r, q) => `sum${r}_${q} = silu(sum${r}_${q});`)}
    ${
    gated
      ? `{ // each lane's part of the gates
      ${unroll(2, (q) => `let w${q} = constants[${3 * Q + q * lanes}u + local.x];`)}
      ${
        unroll(each, (r) =>
          `stage[(local.y * ${each}u + ${r}u) * ${lanes + 1}u + local.x] =
          dot(w0, sum${r}_0) + dot(w1, sum${r}_1);`)
      }
    }
    workgroupBarrier();`
      : ""
  }
    for (var row = thread; row < ${rows}u; row += ${F}u) {
      let share = select(0.0, ${float(1 / divisor)}, chunk * ${capacity}u + row % ${capacity}u < ${nodes - 1}u);
      ${
    gated
      ? `var total = constants[${4 * Q}].x;
      for (var lane = 0u; lane < ${lanes}u; lane++) { total += stage[row * ${lanes + 1}u + lane]; }`
      : ""
  }
      ${told}
    }
    workgroupBarrier();
    ${
    kind === "messages" ? hear : shared(
      3 * receivers,
      `
      var moved = 0.0;
      for (var slot = 0u; slot < ${capacity}u; slot++) {
        moved += gates[at % 3u * ${rows}u + at / 3u * ${capacity}u + slot];
      }
      result[3u * first + at] = ${
        chunks > 1
          ? "select(result[3u * first + at], positions[3u * first + at], chunk == 0u)"
          : "positions[3u * first + at]"
      } + moved;`,
    )
  }
    ${chunks > 1 ? "workgroupBarrier();" : ""}
  }
  ${kind === "messages" ? tell : ""}
}`;
  return createKernel<EdgeBinding>(gpu, {
    label: `${kind} of ${nodes} nodes`,
    f16,
    bindings: {
      projections: { access: "read", type: "array<vec4<f32>>" },
      start: { access: "read", type: "array<f32>" },
      positions: { access: "read", type: "array<f32>" },
      constants: { access: "read", type: "array<vec4<f32>>" },
      weight: { access: "read", type: `array<${type}>` },
      result: { access: "write", type: kind === "messages" && parts === 1 ? "array<vec4<f32>>" : "array<f32>" },
    },
    code,
  });
}
