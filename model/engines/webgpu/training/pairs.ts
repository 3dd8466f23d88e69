/**
 * A block's pair network and attention for training, in rows: a workgroup takes one node and its pairs at a time. `../pairs.ts` does
 * the same for generation, for molecules of one size that a kernel is compiled for. See docs/denoiser.md.
 */
import { HEADS, PAIR_WIDTH, SETS } from "../../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../../diffusion/types.ts";
import { RADIAL } from "../constants.ts";
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import { projectedColumns } from "../packing.ts";
import { roundUp } from "../round_up.ts";
import { float, unroll } from "./text.ts";
import { each, eachRow, MAIN, READ, ROW_INDEX, WRITE } from "./molecules.ts";
import { distancesAt, featureCount, featuresText, firstLayerText, FUNCTIONS, tablesText } from "./pair_text.ts";

/** Numbers that a pair's second layer gives, and where coordinate weights stand among them. */
export const OUT = PAIR_WIDTH + HEADS + SETS, COORDINATES = PAIR_WIDTH + HEADS;

/** What a kernel is compiled for. */
export interface PairOptions {
  readonly space: LatentSpace;
  readonly width: number;
  /** Nodes of the largest molecule that it serves. */
  readonly most: number;
}

/** What both passes use of sizes, and the text that they share. */
export function pairText({ space, width: f, most }: PairOptions, threads: number, backward: boolean) {
  const stride = roundUp(projectedColumns(f), 64), depth = f / HEADS, features = featureCount(space, true);
  const scale = float(1 / Math.sqrt(depth));
  const tables = `
${FUNCTIONS}
${tablesText(most, features, backward)}
var<workgroup> second: array<array<f32, ${OUT + 1}>, ${most}>; // message | logit | coordinate weight
var<workgroup> share: array<array<f32, ${HEADS + 1}>, ${most}>; // attention's weights`;
  /** Up to the attention's weights; `also` is done beside them for each j and head h. */
  const forward = (also: string) => `
    ${featuresText(space, threads, true)}
    ${
    firstLayerText(
      threads,
      features,
      `projected[row * ${stride}u + ${3 * f}u + e] + projected[(first + j) * ${stride}u + ${3 * f + PAIR_WIDTH}u + e]`,
      "radial_weight",
      backward,
    )
  }
    ${
    each(
      `n * ${OUT}u`,
      threads,
      `let j = item / ${OUT}u; let o = item % ${OUT}u;
      var sum = pair_bias[o];
      for (var k = 0u; k < ${PAIR_WIDTH}u; k++) { sum += hidden[j][k] * pair_weight[k * ${OUT}u + o]; }
      if (o >= ${PAIR_WIDTH}u && o < ${COORDINATES}u) {
        let q = row * ${stride}u + o - ${PAIR_WIDTH}u; let k = (first + j) * ${stride}u + ${f}u + o - ${PAIR_WIDTH}u;
        var inner = 0.0;
        for (var e = 0u; e < ${f}u; e += ${HEADS}u) { inner += projected[q + e] * projected[k + e]; }
        sum += ${scale} * inner;
      }
      second[j][o] = sum;`,
    )
  }
    workgroupBarrier();
    ${
    each(
      `n * ${HEADS}u`,
      threads,
      `let j = item / ${HEADS}u; let h = item % ${HEADS}u;
      var most = second[0][${PAIR_WIDTH}u + h];
      for (var k = 1u; k < n; k++) { most = max(most, second[k][${PAIR_WIDTH}u + h]); }
      var total = 0.0;
      for (var k = 0u; k < n; k++) { total += exp(second[k][${PAIR_WIDTH}u + h] - most); }
      share[j][h] = exp(second[j][${PAIR_WIDTH}u + h] - most) / total;
      ${also}`,
    )
  }
    workgroupBarrier();`;
  return { stride, features, scale, tables, forward, distances: distancesAt(space), wide: f + PAIR_WIDTH };
}

/** What both passes read. */
export const NETWORK = {
  latents: READ,
  normalised: READ,
  projected: READ,
  radial_weight: READ,
  pair_weight: READ,
  pair_bias: READ,
} as const;

const FORWARD_THREADS = 128;

/** `mixed` `[rows, width + 32]` and `updates` `[rows, 3, 16]`, as of `../pairs.ts`; in any number of workgroups. */
export function createTrainingPairs(
  gpu: Gpu,
  options: PairOptions,
): Promise<Kernel<keyof typeof ROW_INDEX | keyof typeof NETWORK | "mixed" | "updates">> {
  const { width: f } = options;
  const { stride, tables, forward, distances, wide } = pairText(options, FORWARD_THREADS, false);
  return createKernel(gpu, {
    label: "pairs, for training",
    constants: RADIAL,
    bindings: { ...ROW_INDEX, ...NETWORK, mixed: WRITE, updates: WRITE },
    code: `
${tables}
@compute @workgroup_size(${FORWARD_THREADS})
fn main(${MAIN}) {
  ${
      eachRow(`
    ${forward("")}
    ${
        each(
          `${f}u`,
          FORWARD_THREADS,
          `var sum = 0.0;
      for (var j = 0u; j < n; j++) {
        sum += share[j][col % ${HEADS}u] * projected[(first + j) * ${stride}u + ${2 * f}u + col];
      }
      mixed[row * ${wide}u + col] = sum;`,
          "col",
        )
      }
    ${
        each(
          `${PAIR_WIDTH}u`,
          FORWARD_THREADS,
          `var sum = 0.0;
      for (var j = 0u; j < n; j++) { if (j != i) { sum += silu(second[j][e]); } }
      mixed[row * ${wide}u + ${f}u + e] = sum / 3.0;`,
          "e",
        )
      }
    ${
        each(
          `${SETS}u`,
          FORWARD_THREADS,
          `let x = vector(row, c);
      var sum = vec3<f32>();
      for (var j = 0u; j < n; j++) {
        if (j != i) {
          sum += second[j][${COORDINATES}u + c] / (3.0 * (1.0 + feature[j][${distances}u + c])) * (x - vector(first + j, c));
        }
      }
      let k = row * ${3 * SETS}u + c;
      ${unroll(3, (a) => `updates[k + ${a * SETS}u] = sum.${"xyz"[a]};`)}`,
          "c",
        )
      }
    workgroupBarrier();`)
    }
}`,
  });
}
