/**
 * The pair network of one row as WGSL text: the pairs (i, j) of a node i with all n nodes j lie in workgroup memory, at most `most`
 * of them, and no pair tensor is ever stored. The forward pass, the backward pass that computes it again, and the loss share it.
 */
import { DISTANCES, PAIR_WIDTH, SETS } from "../../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../../diffusion/types.ts";
import { unroll } from "./text.ts";
import { assemble } from "../wgsl.ts";
import { each } from "./molecules.ts";

/** Rows of tables in workgroup memory are a number longer than their content, against bank conflicts. */
export const STRIDE = PAIR_WIDTH + 1;

/** What a pair network is told of a pair: functions of the distance, pair features, distances of sets, and shapes where asked. */
export function featureCount({ pairs }: LatentSpace, shapes: boolean): number {
  return DISTANCES + pairs + (shapes ? 2 : 1) * SETS;
}

/** Where distances of sets stand among the features; shapes follow them. */
export const distancesAt = ({ pairs }: LatentSpace): number => DISTANCES + pairs;

/** WGSL of functions of the distance, SiLU, its slope, and the sets' vectors. */
export const FUNCTIONS = `${assemble("// @include radial.wgsl")}
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(min(-x, 80.0))); }
fn silu(x: f32) -> f32 { return x * sigmoid(x); }
fn silu_slope(x: f32) -> f32 { let s = sigmoid(x); return s * (1.0 + x * (1.0 - s)); }
fn vector(row: u32, c: u32) -> vec3<f32> {
  let k = row * ${3 * SETS}u + c;
  return vec3<f32>(normalised[k], normalised[k + ${SETS}u], normalised[k + ${2 * SETS}u]);
}`;

/**
 * WGSL: tables that `featuresText` and `firstLayerText` fill. For the backward pass `dhidden` holds SiLU's slopes, and then the
 * gradient of what SiLU takes; `dfeature` that of distances and shapes.
 */
export const tablesText = (most: number, features: number, backward: boolean): string => `
var<workgroup> feature: array<array<f32, ${features | 1}>, ${most}>;
var<workgroup> hidden: array<array<f32, ${STRIDE}>, ${most}>;
${
  backward
    ? `var<workgroup> dhidden: array<array<f32, ${STRIDE}>, ${most}>;
var<workgroup> dfeature: array<array<f32, ${STRIDE}>, ${most}>;`
    : ""
}`;

/** WGSL: the pair's functions of the distance and its features, of the noisy latent that begins `at`. */
const radialFeatures = ({ vectors: V, scalars: K, pairs: P }: LatentSpace) => `
      let node_i = at + i * ${3 * V + K}u; let node_j = at + j * ${3 * V + K}u;
      let r = radial(vec3<f32>(latents[node_i] - latents[node_j], latents[node_i + 1u] - latents[node_j + 1u],
        latents[node_i + 2u] - latents[node_j + 2u]));
      ${unroll(4, (k) => `feature[j][${k}] = r.low[${k}]; feature[j][${4 + k}] = r.high[${k}];`)}
      ${
  unroll(P, (p) => `feature[j][${DISTANCES + p}] = latents[at + n * ${3 * V + K}u + (i * n + j) * ${P}u + ${p}u];`)
}`;

/** WGSL: `feature` of the row's pairs. */
export function featuresText(space: LatentSpace, threads: number, shapes: boolean): string {
  const distances = distancesAt(space);
  return `
    ${each("n", threads, radialFeatures(space), "j")}
    ${
    each(
      `n * ${SETS}u`,
      threads,
      `let j = item / ${SETS}u; let c = item % ${SETS}u;
      let a = vector(row, c); let b = vector(first + j, c);
      let inner = dot(a, b); let squares = dot(a, a) + dot(b, b);
      feature[j][${distances}u + c] = sqrt(select(max(squares - 2.0 * inner, 0.0), 0.0, i == j) + 1e-4);
      ${shapes ? `feature[j][${distances + SETS}u + c] = inner / (1.0 + squares);` : ""}`,
    )
  }
    workgroupBarrier();`;
}

/** WGSL: `hidden` = silu(`nodes` + feature `table`), where `nodes` is what the nodes give to channel e of the pair with j. */
export function firstLayerText(threads: number, features: number, nodes: string, table: string, backward: boolean) {
  return `
    ${
    each(
      `n * ${PAIR_WIDTH}u`,
      threads,
      `let j = item / ${PAIR_WIDTH}u; let e = item % ${PAIR_WIDTH}u;
      var sum = ${nodes};
      for (var k = 0u; k < ${features}u; k++) { sum += feature[j][k] * ${table}[k * ${PAIR_WIDTH}u + e]; }
      hidden[j][e] = silu(sum);
      ${backward ? "dhidden[j][e] = silu_slope(sum);" : ""}`,
    )
  }
    workgroupBarrier();`;
}

/**
 * WGSL: from `dfeature`, 16 numbers of distances and 16 of shapes where there are any, to `dnormalised`, which takes on what is
 * its own to both nodes; the vector `also` of (j, c) is added to i's and taken from j's. `dfeature` is then another's: gradients of
 * inner products and of squares.
 */
export function geometryBackwardText(
  space: LatentSpace,
  threads: number,
  { shapes, also }: { readonly shapes: boolean; readonly also?: string },
): string {
  const distances = distancesAt(space), lanes = `n * ${SETS}u`;
  const add = (value: string) =>
    `let k = (first + j) * ${3 * SETS}u + c;
      ${unroll(3, (a) => `dnormalised[k + ${a * SETS}u] += ${value}.${"xyz"[a]};`)}`;
  return `
    ${
    each(
      lanes,
      threads,
      `let j = item / ${SETS}u; let c = item % ${SETS}u;
      let a = vector(row, c); let b = vector(first + j, c);
      let distance = feature[j][${distances}u + c];
      // Where the square was clamped to zero nothing comes through.
      let squared = select(0.0, dfeature[j][c] / (2.0 * distance), i != j && distance * distance - 1e-4 > 1e-7);
      var inner = -2.0 * squared; var square = squared;
      ${
        !shapes ? "" : `{
        let inverse = 1.0 / (1.0 + dot(a, a) + dot(b, b)); let d = dfeature[j][${SETS}u + c];
        inner += d * inverse; square -= d * feature[j][${distances + SETS}u + c] * inverse;
      }`
      }
      dfeature[j][c] = inner; dfeature[j][${SETS}u + c] = square;
      let d = inner * a + 2.0 * square * b${also === undefined ? "" : ` - (${also})`};
      ${add("d")}`,
    )
  }
    workgroupBarrier();
    ${
    each(
      lanes,
      threads,
      `let j = item / ${SETS}u;
      if (j == i) { // the thread that owns node i's numbers
        let c = item % ${SETS}u; let a = vector(row, c);
        var d = vec3<f32>();
        for (var j = 0u; j < n; j++) {
          d += dfeature[j][c] * vector(first + j, c) + 2.0 * dfeature[j][${SETS}u + c] * a${
        also === undefined ? "" : ` + ${also}`
      };
        }
        ${add("d")}
      }`,
    )
  }
    workgroupBarrier();`;
}
