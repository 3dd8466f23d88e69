/**
 * The network's end and its loss, forward and back, a workgroup a molecule: from the last sets and the end's product to the three
 * losses, and to the gradients of both. See docs/denoiser.md, "Outputs" and "Loss". In a loss's place there can be a gradient at the
 * estimate of x0 that is given.
 */
import { ONE_HOT } from "../../../networks/heavy_atom/space.ts";
import { VECTOR_WEIGHT } from "../../../networks/pair_attention/loss.ts";
import { PAIR_WIDTH, SETS } from "../../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../../diffusion/types.ts";
import { RADIAL } from "../constants.ts";
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import { endColumns } from "../packing.ts";
import { roundUp } from "../round_up.ts";
import { float, unroll } from "./text.ts";
import { CONDITIONS } from "./batch.ts";
import { each, eachMolecule, INDEX, MAIN, OWN_SHARES, READ, WORDS, WRITE } from "./molecules.ts";
import {
  distancesAt,
  featureCount,
  featuresText,
  firstLayerText,
  FUNCTIONS,
  geometryBackwardText,
  tablesText,
} from "./pair_text.ts";

const T = 128;

const BINDINGS = {
  ...INDEX,
  latents: READ,
  targets: READ,
  conditions: READ,
  sets: READ,
  normalised: READ,
  ends: READ,
  pair_weight: READ,
  pair_bias: READ,
  out_weight: READ,
  out_bias: READ,
  coordinates: READ,
  place: WORDS,
  dends: WRITE,
  dsets: WRITE,
  dnormalised: WRITE,
  dnorms: WRITE,
  shares: WRITE,
} as const;

/** What `targets` hold: clean latents that a loss measures estimates by, or the gradient at the estimates; losses are 0 then. */
export type Given = "target" | "gradient";

/**
 * `ends` and `dends` have rows of `endColumns`: logits of classes, what nodes add to their bonds, padding. Losses are means over
 * the batch. `place` says where a workgroup's shares lie in its part of `shares`: of the bonds' two layers, each followed by
 * its bias, of the coordinates' mixture, and of the losses. `dnorms` becomes zero, as the end's norms are not used.
 */
export function createLoss(
  gpu: Gpu,
  { space, most, given }: { readonly space: LatentSpace; readonly most: number; readonly given: Given },
): Promise<Kernel<keyof typeof BINDINGS>> {
  const { vectors: V, scalars: K, pairs: P } = space, width = 3 * V + K, wide = roundUp(P, 4);
  const end = endColumns(space);
  const features = featureCount(space, false), distances = distancesAt(space);
  const lines = T / PAIR_WIDTH, firstEach = Math.ceil(features / lines), outEach = Math.ceil(PAIR_WIDTH * P / T);
  const vectorEach = Math.ceil(SETS * V / T);
  /** A softmax of `count` logits of `of`: `most` and `total`. */
  const softmax = (count: number, of: (k: string) => string) => `
      var most = ${of("0u")};
      for (var k = 1u; k < ${count}u; k++) { most = max(most, ${of("k")}); }
      var total = 0.0;
      for (var k = 0u; k < ${count}u; k++) { total += exp(${of("k")} - most); }`;
  const judged = given === "gradient";
  /**
   * The gradient of `count` logits with gradient `to(k)`, from those of their softmax, `targets` from `at` on, times `weight`. Needs
   * what `softmax` gives.
   */
  const softmaxBack = (
    count: number,
    of: (k: string) => string,
    at: string,
    weight: string,
    to: (k: string) => string,
  ) => `
      var mean = 0.0;
      for (var k = 0u; k < ${count}u; k++) { mean += exp(${of("k")} - most) / total * targets[${at} + k]; }
      for (var k = 0u; k < ${count}u; k++) {
        ${to("k")} = ${weight} * ${float(ONE_HOT)} * (exp(${of("k")} - most) / total) * (targets[${at} + k] - mean);
      }`;
  const vectors = `
    ${
    each(
      `n * ${3 * V}u`,
      T,
      judged
        ? `derror[item / ${3 * V}u][item % ${3 * V}u] = targets[at + item / ${3 * V}u * ${width}u + item % ${3 * V}u];`
        : `let i = item / ${3 * V}u; let v = item % ${3 * V}u / 3u; let a = item % 3u;
      var o = 0.0;
      for (var c = 0u; c < ${SETS}u; c++) { o += sets[((first + i) * 3u + a) * ${SETS}u + c] * coordinates[c * ${V}u + v]; }
      derror[i][3u * v + a] = alpha * latents[at + i * ${width}u + 3u * v + a] + sigma * o;`,
    )
  }
    workgroupBarrier();
    if (thread < 3u) {
      var sum = 0.0;
      for (var i = 0u; i < n; i++) { sum += derror[i][thread]; }
      mean[thread] = sum / size;
    }
    workgroupBarrier();
    ${
    each(
      `n * ${3 * V}u`,
      T,
      judged
        ? `let i = item / ${3 * V}u; let k = item % ${3 * V}u;
      derror[i][k] = scale * sigma * (derror[i][k] - select(0.0, mean[k % 3u], k < 3u));`
        : `let i = item / ${3 * V}u; let k = item % ${3 * V}u;
      let weight = conditions[told + 2u] / size * select(${float(VECTOR_WEIGHT)}, 1.0, k < 3u)${
          V > 1 ? ` * select(1.0, conditions[told + 5u], k >= ${3 * (V - 1)}u)` : ""
        };
      let error = derror[i][k] - targets[at + i * ${width}u + k] - select(0.0, mean[k % 3u], k < 3u);
      positions += scale * weight * error * error;
      derror[i][k] = scale * sigma * 2.0 * weight * error;`,
    )
  }
    workgroupBarrier();
    ${
    each(
      `n * ${3 * SETS}u`,
      T,
      `let i = item / ${3 * SETS}u; let a = item % ${3 * SETS}u / ${SETS}u; let c = item % ${SETS}u;
      var d = 0.0;
      for (var v = 0u; v < ${V}u; v++) { d += derror[i][3u * v + a] * coordinates[c * ${V}u + v]; }
      dsets[(first + i) * ${3 * SETS}u + item % ${3 * SETS}u] = d;
      dnormalised[(first + i) * ${3 * SETS}u + item % ${3 * SETS}u] = 0.0;`,
    )
  }
    ${each(`n * ${SETS}u`, T, `dnorms[first * ${SETS}u + item] = 0.0;`)}
    ${
    unroll(vectorEach, (u) =>
      `if (thread + ${u * T}u < ${SETS * V}u) {
      let c = (thread + ${u * T}u) / ${V}u; let v = (thread + ${u * T}u) % ${V}u;
      for (var k = 0u; k < 3u * n; k++) { coordinate${u} += derror[k / 3u][3u * v + k % 3u] * sets[(first * 3u + k) * ${SETS}u + c]; }
    }`)
  }`;
  const classes = each(
    "n",
    T,
    `let logits = (first + i) * ${end.floats}u; let wanted = at + i * ${width}u + ${3 * V}u;
      ${softmax(K, (k) => `ends[logits + ${k}]`)}
      ${
      judged
        ? softmaxBack(K, (k) => `ends[logits + ${k}]`, "wanted", "scale", (k) => `dends[logits + ${k}]`)
        : `let weight = scale * conditions[told + 3u] / size;
      for (var k = 0u; k < ${K}u; k++) {
        let logit = ends[logits + k] - most; let want = targets[wanted + k] / ${float(ONE_HOT)};
        scalars -= weight * want * (logit - log(total));
        dends[logits + k] = weight * (exp(logit) / total - want);
      }`
    }
      for (var k = ${K}u; k < ${end.scalars}u; k++) { dends[logits + k] = 0.0; }
      for (var k = ${end.all}u; k < ${end.floats}u; k++) { dends[logits + k] = 0.0; }`,
    "i",
  );
  const bonds = `
    ${featuresText(space, T, false)}
    ${
    firstLayerText(
      T,
      features,
      `ends[row * ${end.floats}u + ${end.scalars}u + e] + ends[(first + j) * ${end.floats}u + ${end.scalars}u + e] + pair_bias[e]`,
      "pair_weight",
      true,
    )
  }
    ${
    each(
      `n * ${P}u`,
      T,
      `let j = item / ${P}u; let p = item % ${P}u;
      var sum = out_bias[p];
      for (var k = 0u; k < ${PAIR_WIDTH}u; k++) { sum += hidden[j][k] * out_weight[k * ${wide}u + p]; }
      logit[j][p] = sum;`,
    )
  }
    workgroupBarrier();
    ${
    each(
      "n",
      T,
      `let wanted = at + n * ${width}u + (i * n + j) * ${P}u;
      ${softmax(P, (k) => `logit[j][${k}]`)}
      ${
        judged
          ? softmaxBack(P, (k) => `logit[j][${k}]`, "wanted", "select(scale, 0.0, i == j)", (k) => `dlogit[j][${k}]`)
          : `let weight = select(scale * conditions[told + 4u] / (size * size), 0.0, i == j);
      for (var p = 0u; p < ${P}u; p++) {
        let value = logit[j][p] - most; let want = targets[wanted + p] / ${float(ONE_HOT)};
        bonds -= weight * want * (value - log(total));
        dlogit[j][p] = weight * (exp(value) / total - want);
      }`
      }`,
      "j",
    )
  }
    workgroupBarrier();
    ${
    each(
      `n * ${PAIR_WIDTH}u`,
      T,
      `let j = item / ${PAIR_WIDTH}u; let e = item % ${PAIR_WIDTH}u;
      var d = 0.0;
      for (var p = 0u; p < ${P}u; p++) { d += dlogit[j][p] * out_weight[e * ${wide}u + p]; }
      d *= dhidden[j][e];
      dhidden[j][e] = d;
      let k = (first + j) * ${end.floats}u + ${end.scalars}u + e;
      dends[k] = select(dends[k], 0.0, i == 0u) + d;`,
    )
  }
    workgroupBarrier();
    ${
    each(
      `n * ${PAIR_WIDTH}u`,
      T,
      `let e = item % ${PAIR_WIDTH}u;
      if (item / ${PAIR_WIDTH}u == i) { // the thread that owns node i's numbers
        var sum = 0.0;
        for (var j = 0u; j < n; j++) { sum += dhidden[j][e]; }
        let k = row * ${end.floats}u + ${end.scalars}u + e;
        dends[k] += sum;
      }`,
    )
  }
    for (var j = 0u; j < n; j++) {
      let d = dhidden[j][e1];
      bias += d;
      ${unroll(firstEach, (u) => `first${u} += feature[j][min(k1 + ${u * lines}u, ${features - 1}u)] * d;`)}
      ${
    unroll(
      outEach,
      (u) =>
        `out${u} += hidden[j][min((thread + ${u * T}u) / ${P}u, ${PAIR_WIDTH - 1}u)] * dlogit[j][(thread + ${
          u * T
        }u) % ${P}u];`,
    )
  }
      if (thread < ${P}u) { out_sum += dlogit[j][thread]; }
    }
    ${
    each(
      `n * ${SETS}u`,
      T,
      `let j = item / ${SETS}u; let c = item % ${SETS}u;
      var sum = 0.0;
      for (var o = 0u; o < ${PAIR_WIDTH}u; o++) { sum += dhidden[j][o] * pair_weight[(${distances}u + c) * ${PAIR_WIDTH}u + o]; }
      dfeature[j][c] = sum;`,
    )
  }
    workgroupBarrier();
    ${geometryBackwardText(space, T, { shapes: false })}`;
  const code = `
${FUNCTIONS}
${tablesText(most, features, true)}
var<workgroup> derror: array<array<f32, ${3 * V}>, ${most}>;
var<workgroup> mean: array<f32, 3>;
var<workgroup> logit: array<array<f32, ${wide + 1}>, ${most}>;
var<workgroup> dlogit: array<array<f32, ${wide + 1}>, ${most}>;
var<workgroup> sums: array<vec3<f32>, ${T}>;

@compute @workgroup_size(${T})
fn main(${MAIN}) {
  let scale = 1.0 / f32(extent[1]);
  let e1 = thread % ${PAIR_WIDTH}u; let k1 = thread / ${PAIR_WIDTH}u;
  var positions = 0.0; var scalars = 0.0; var bonds = 0.0;
  var bias = 0.0; var out_sum = 0.0;
  ${unroll(firstEach, (u) => `var first${u} = 0.0;`)}
  ${unroll(outEach, (u) => `var out${u} = 0.0;`)}
  ${unroll(vectorEach, (u) => `var coordinate${u} = 0.0;`)}
  ${
    eachMolecule(`
    let told = molecule * ${CONDITIONS}u; let size = f32(n);
    let alpha = conditions[told]; let sigma = conditions[told + 1u];
    ${vectors}
    ${classes}
    storageBarrier();
    workgroupBarrier();
    for (var i = 0u; i < n; i++) {
      let row = first + i;
      ${bonds}
    }`)
  }
  sums[thread] = vec3<f32>(positions, scalars, bonds);
  workgroupBarrier();
  let own = ${OWN_SHARES};
  if (thread == 0u) {
    var sum = vec3<f32>();
    for (var k = 0u; k < ${T}u; k++) { sum += sums[k]; }
    ${unroll(3, (k) => `shares[own + place[5] + ${k}u] = sum.${"xyz"[k]};`)}
  }
  ${
    unroll(firstEach, (u) =>
      `if (k1 + ${u * lines}u < ${features}u) {
    shares[own + place[0] + (k1 + ${u * lines}u) * ${PAIR_WIDTH}u + e1] = first${u};
  }`)
  }
  if (k1 == 0u) { shares[own + place[1] + e1] = bias; }
  ${
    unroll(outEach, (u) =>
      `if (thread + ${u * T}u < ${PAIR_WIDTH * P}u) {
    shares[own + place[2] + (thread + ${u * T}u) / ${P}u * ${wide}u + (thread + ${u * T}u) % ${P}u] = out${u};
  }`)
  }
  if (thread < ${P}u) { shares[own + place[3] + thread] = out_sum; }
  ${
    unroll(
      vectorEach,
      (u) => `if (thread + ${u * T}u < ${SETS * V}u) { shares[own + place[4] + thread + ${u * T}u] = coordinate${u}; }`,
    )
  }
}`;
  return createKernel(gpu, { label: "loss", bindings: BINDINGS, code, constants: RADIAL });
}
