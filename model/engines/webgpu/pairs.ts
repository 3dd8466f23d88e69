/**
 * The pair network and attention of a block as one kernel: distances, shapes, messages, attention weights and coordinate
 * weights of a pair live in registers and workgroup memory, and no pair tensor is ever stored. See docs/denoiser.md.
 *
 * A workgroup of 64 threads takes some rows (nodes i) and their molecule's nodes j, up to 64 at a time. First a thread is a pair
 * (the pair network), then a row with one of 16 lanes (sums over j for message channels, a coordinate set, a head); the two
 * meet in `stage`, 64 numbers a pair. Where the j come in turns, attention's softmax is kept up as they go by.
 */
import { DISTANCES, HEADS, PAIR_WIDTH, SETS } from "../../networks/pair_attention/parameters.ts";
import { ANGSTROM } from "../../networks/heavy_atom/space.ts";
import { latentLength } from "../../diffusion/latent.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { projectedColumns } from "./packing.ts";
import { activations, COMPONENTS, float, roundUp, unroll } from "./text.ts";

const THREADS = 64, LANES = 16, OUT = PAIR_WIDTH + HEADS + SETS, E = PAIR_WIDTH / 4;

/** How a workgroup divides pairs of molecules of `nodes` nodes. */
export interface PairTiling {
  /** Rows of a workgroup. */
  readonly rows: number;
  /** Nodes j at a time. */
  readonly columns: number;
  /** How often. */
  readonly chunks: number;
}

/** At most 64 pairs, a thread each, and at most 8 rows, so that a thread has two lanes of rows at most. */
export function pairTiling(nodes: number): PairTiling {
  const chunks = Math.ceil(nodes / THREADS), columns = Math.ceil(nodes / chunks);
  return { rows: Math.min(2 * THREADS / LANES, Math.floor(THREADS / columns)), columns, chunks };
}

/** Bytes of workgroup memory that the kernel takes: the first layer's weights, the second's, and `stage`. */
export const pairMemory = ({ pairs }: LatentSpace): number =>
  4 * ((DISTANCES + pairs + 2 * SETS) * PAIR_WIDTH + PAIR_WIDTH * OUT + THREADS * (OUT + 1));

/** WGSL statements that declare r0_0 .. of the pair (i, j) of the molecule of `nodes` (a number of WGSL) whose latent begins at `at`. */
export function radialText({ vectors: V, scalars: K, pairs: P }: LatentSpace, nodes: string): string {
  const width = 3 * V + K;
  const bump = (k: number, centre: number, rate: number) =>
    `let r0_${k} = exp(${float(-rate)} * (d - ${float(centre)}) * (d - ${float(centre)}));`;
  return `
    let node_i = at + i * ${width}u; let node_j = at + j * ${width}u;
    let between = vec3<f32>(latents[node_i] - latents[node_j], latents[node_i + 1u] - latents[node_j + 1u],
      latents[node_i + 2u] - latents[node_j + 2u]);
    let d2 = dot(between, between) * ${float(ANGSTROM ** 2)};
    let d = sqrt(d2 + 1e-6);
    let r0_0 = 0.3 * d;
    ${bump(1, 1.2, 50)} ${bump(2, 1.34, 50)} ${bump(3, 1.5, 50)} ${bump(4, 2.4, 5)} ${bump(5, 3, 2)}
    let r0_6 = exp(-0.5 * d);
    let r0_7 = 1.0 / (1.0 + d2);
    ${
    unroll(
      P,
      (p) => `let r0_${DISTANCES + p} = latents[at + ${nodes} * ${width}u + (i * ${nodes} + j) * ${P}u + ${p}u];`,
    )
  }`;
}

/** WGSL statements for four sets of a pair: `distance<s>`, and `shape<s>` where asked, from `normalised`. */
export function geometryText(s: number, shapes: boolean): string {
  const load = (a: number, of: string) => `normalised[${of} * ${3 * SETS / 4}u + ${a * SETS / 4 + s}u]`;
  return `
    let xi0_${s} = ${load(0, "row")}; let xi1_${s} = ${load(1, "row")}; let xi2_${s} = ${load(2, "row")};
    let xj0_${s} = ${load(0, "column")}; let xj1_${s} = ${load(1, "column")}; let xj2_${s} = ${load(2, "column")};
    let inner${s} = xi0_${s} * xj0_${s} + xi1_${s} * xj1_${s} + xi2_${s} * xj2_${s};
    let squares${s} = (xi0_${s} * xi0_${s} + xi1_${s} * xi1_${s} + xi2_${s} * xi2_${s})
      + (xj0_${s} * xj0_${s} + xj1_${s} * xj1_${s} + xj2_${s} * xj2_${s});
    let distance${s} = sqrt(select(max(squares${s} - 2.0 * inner${s}, vec4<f32>()), vec4<f32>(), i == j) + 1e-4);
    ${shapes ? `let shape${s} = inner${s} / (1.0 + squares${s});` : ""}`;
}

/** WGSL: `value` times row k of `table`, added to sum0 .. sum7. */
const addRow = (table: string, k: number, value: string) =>
  unroll(E, (e) => `sum${e} += ${value} * ${table}[${k * E + e}];`);

/** WGSL: the first layer's sums of a pair, to which the nodes' parts have been added. */
export function firstLayerText(space: LatentSpace, table: string, shapes: boolean): string {
  const radial = DISTANCES + space.pairs;
  return `
    ${unroll(radial, (k) => addRow(table, k, `r0_${k}`))}
    ${
    unroll(SETS / 4, (s) =>
      geometryText(s, shapes) +
      COMPONENTS.map((name, c) => addRow(table, radial + 4 * s + c, `distance${s}.${name}`)).join("\n") +
      (shapes
        ? COMPONENTS.map((name, c) => addRow(table, radial + SETS + 4 * s + c, `shape${s}.${name}`)).join("\n")
        : ""))
  }`;
}

/** WGSL: 16 columns of the second layer, from hidden0 .. hidden7 into y0 .. y3. */
const secondLayer = (group: number) => `
  ${unroll(4, (q) => `var y${q} = pair_bias[${4 * group + q}];`)}
  ${
  unroll(PAIR_WIDTH, (k) =>
    unroll(4, (q) =>
      `y${q} += hidden${k >> 2}.${COMPONENTS[k & 3]} * second[${16 * k + 4 * group + q}];`))
}`;

/** WGSL: y0 .. y3 into columns 16 group to 16 group + 15 of the pair's numbers. */
const toStage = (group: number) =>
  unroll(4, (q) => COMPONENTS.map((name, c) => `stage[thread][${16 * group + 4 * q + c}] = y${q}.${name};`).join(" "));

/** The bindings of `createPairs`. */
export type PairBinding =
  | "latents"
  | "normalised"
  | "normalised1"
  | "projected"
  | "projected4"
  | "radial_weight"
  | "pair_weight"
  | "pair_bias"
  | "mixed"
  | "updates";

/**
 * From q, k, v and the edge layer's halves (`projected`, see packing.ts) and the
 * normalised sets: `mixed` `[rows, width + 32]`, attention's output and the mean messages, and `updates` `[rows, 3, 16]`,
 * sum_j c_ij (Xn_i - Xn_j). `projected4` and `normalised` are bound again for access by vectors and by scalars. Runs in rows / `pairTiling(nodes).rows` workgroups.
 */
export function createPairs(gpu: Gpu, space: LatentSpace, width: number, nodes: number): Promise<Kernel<PairBinding>> {
  const { rows, columns, chunks } = pairTiling(nodes), depth = width / HEADS, items = Math.ceil(rows * LANES / THREADS);
  const stride = roundUp(projectedColumns(width), 64), wide = width + PAIR_WIDTH;
  const radial = DISTANCES + space.pairs + 2 * SETS;
  /** What a thread does for each of its rows and lanes; j runs over the columns at hand. */
  const lanes = (work: (u: number) => string) =>
    unroll(items, (u) =>
      `{
      let item = thread + ${u * THREADS}u;
      let line = item / ${LANES}u; let lane = item % ${LANES}u;
      let row = first + line;
      if (line < ${rows}u) { ${work(u)} }
    }`);
  const pair = `line * ${columns}u + j`;
  const messages = (u: number) => `
      for (var j = 0u; j < count; j++) {
        low_${u} += stage[${pair}][lane];
        high_${u} += stage[${pair}][lane + ${LANES}u];
      }`;
  const vector = (of: string) =>
    `vec3<f32>(${[0, 1, 2].map((a) => `normalised1[(${of}) * ${3 * SETS}u + ${SETS * a}u + lane]`).join(", ")})`;
  const neighbours = `let neighbours = row / ${nodes}u * ${nodes}u + start;`;
  const coordinates = (u: number) => `
      let xi = ${vector("row")};
      for (var j = 0u; j < count; j++) {
        update_${u} += stage[${pair}][lane + ${PAIR_WIDTH + HEADS}u] * (xi - ${vector("neighbours + j")});
      }`;
  const attention = (u: number) => `
      let q_at = row * ${stride}u + lane;
      ${unroll(depth, (e) => `let q${e} = projected[q_at + ${e * HEADS}u];`)}
      var most = largest_${u};
      for (var j = 0u; j < count; j++) {
        let k_at = (neighbours + j) * ${stride}u + ${width}u + lane;
        let logit = stage[${pair}][lane + ${PAIR_WIDTH}u] + ${float(1 / Math.sqrt(depth))} * (
          ${Array.from({ length: depth }, (_, e) => `q${e} * projected[k_at + ${e * HEADS}u]`).join(" + ")});
        stage[${pair}][lane + ${PAIR_WIDTH}u] = logit;
        most = max(most, logit);
      }
      ${
    chunks === 1 ? "" : `let kept = exp(largest_${u} - most); total_${u} *= kept;
      ${unroll(depth, (e) => `o${e}_${u} *= kept;`)}`
  }
      largest_${u} = most;
      for (var j = 0u; j < count; j++) {
        let share = exp(stage[${pair}][lane + ${PAIR_WIDTH}u] - most);
        total_${u} += share;
        let v_at = (neighbours + j) * ${stride}u + ${2 * width}u + lane;
        ${unroll(depth, (e) => `o${e}_${u} += share * projected[v_at + ${e * HEADS}u];`)}
      }`;
  const offDiagonal = unroll(4, (q) => `y${q} = select(y${q}, vec4<f32>(), i == j);`);
  // Written out for each turn: software adapters take minutes to compile a loop with a barrier around so much.
  const turn = (chunk: number) => `
  {
    let start = ${chunk * columns}u; let count = ${Math.min(columns, nodes - chunk * columns)}u;
    let j = min(start + thread % ${columns}u, ${nodes - 1}u);
    let column = molecule * ${nodes}u + j;
    ${radialText(space, `${nodes}u`)}
    let a_at = row * ${stride / 4}u + ${3 * width / 4}u; let b_at = column * ${stride / 4}u + ${3 * width / 4 + E}u;
    ${unroll(E, (e) => `var sum${e} = projected4[a_at + ${e}u] + projected4[b_at + ${e}u];`)}
    ${firstLayerText(space, "first_weight", true)}
    ${unroll(E, (e) => `let hidden${e} = silu(sum${e});`)}
${
    unroll(2, (half) =>
      `{ // messages
      ${secondLayer(half)}
      ${unroll(4, (q) => `y${q} = silu(y${q});`)} ${offDiagonal} ${toStage(half)}
    }`)
  }
    { // what attention adds to its logits
      ${secondLayer(2)} ${toStage(2)}
    }
    { // coordinate weights
      ${secondLayer(3)}
      ${unroll(4, (q) => `y${q} = y${q} / (3.0 * (1.0 + distance${q}));`)} ${offDiagonal} ${toStage(3)}
    }
    workgroupBarrier();
    ${lanes((u) => `${neighbours} ${messages(u)} ${coordinates(u)} ${attention(u)}`)}
    ${chunk === chunks - 1 ? "" : "workgroupBarrier();"}
  }`;
  const code = `
${activations("vec4<f32>")}
var<workgroup> first_weight: array<vec4<f32>, ${radial * E}>;
var<workgroup> second: array<vec4<f32>, ${PAIR_WIDTH * 16}>;
var<workgroup> stage: array<array<f32, ${OUT + 1}>, ${THREADS}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let first = group.x * ${rows}u;
  for (var k = thread; k < ${radial * E}u; k += ${THREADS}u) { first_weight[k] = radial_weight[k]; }
  for (var k = thread; k < ${PAIR_WIDTH * 16}u; k += ${THREADS}u) { second[k] = pair_weight[k]; }
  workgroupBarrier();
  ${
    unroll(items, (u) =>
      `var low_${u} = 0.0; var high_${u} = 0.0; var update_${u} = vec3<f32>();
  var largest_${u} = -3.4e38; var total_${u} = 0.0;
  ${unroll(depth, (e) => `var o${e}_${u} = 0.0;`)}`)
  }
  let row = first + min(thread / ${columns}u, ${rows - 1}u);
  let molecule = row / ${nodes}u; let i = row % ${nodes}u;
  let at = molecule * ${latentLength(space, nodes)}u;
  ${unroll(chunks, turn)}
  ${
    lanes((u) => `
      let out = row * ${wide}u + lane;
      ${unroll(depth, (e) => `mixed[out + ${e * HEADS}u] = o${e}_${u} / total_${u};`)}
      mixed[out + ${width}u] = low_${u} * ${1 / 3};
      mixed[out + ${width + LANES}u] = high_${u} * ${1 / 3};
      ${unroll(3, (a) => `updates[row * 48u + ${16 * a}u + lane] = update_${u}[${a}];`)}`)
  }
}`;
  return createKernel<PairBinding>(gpu, {
    label: `pairs of ${nodes} nodes`,
    bindings: {
      latents: { access: "read", type: "array<f32>" },
      normalised: { access: "read", type: "array<vec4<f32>>" },
      normalised1: { access: "read", type: "array<f32>" },
      projected: { access: "read", type: "array<f32>" },
      projected4: { access: "read", type: "array<vec4<f32>>" },
      radial_weight: { access: "read", type: "array<vec4<f32>>" },
      pair_weight: { access: "read", type: "array<vec4<f32>>" },
      pair_bias: { access: "read", type: "array<vec4<f32>>" },
      mixed: { access: "write", type: "array<f32>" },
      updates: { access: "write", type: "array<f32>" },
    },
    code,
  });
}
