/** A block's pair network and attention, backward; `pairs.ts` is the way forward, which is gone again here for each row. */
import { HEADS, PAIR_WIDTH, SETS } from "../../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../../diffusion/types.ts";
import { RADIAL } from "../constants.ts";
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import { unroll } from "./text.ts";
import { each, eachMolecule, INDEX, MAIN, OWN_SHARES, READ, WORDS, WRITE } from "./molecules.ts";
import { distancesAt, featureCount, geometryBackwardText, STRIDE } from "./pair_text.ts";
import { COORDINATES, NETWORK, OUT, type PairOptions, pairText } from "./pairs.ts";

/** Bytes of workgroup memory that the backward kernel takes for molecules of up to so many nodes. */
export function pairMemory(space: LatentSpace, most: number): number {
  const tables = (featureCount(space, true) | 1) + 3 * STRIDE + 2 * (OUT + 1) + 2 * (HEADS + 1);
  return 4 * most * tables;
}

const THREADS = 256;

/**
 * From gradients of `mixed` and of `updates` to those of `projected` and (added up in `dnormalised`) of the sets, a workgroup a
 * molecule and one row after the other; a row's pairs are computed again. The gradients of the pair network's weights stay in
 * registers, and are a workgroup's share: `place` says where those of the first layer, the second and its bias lie in `shares`.
 */
export function createPairsBackward(
  gpu: Gpu,
  options: PairOptions,
): Promise<
  Kernel<
    | keyof typeof INDEX
    | keyof typeof NETWORK
    | "dmixed"
    | "dupdates"
    | "dprojected"
    | "dnormalised"
    | "place"
    | "shares"
  >
> {
  const { space, width: f, most } = options, T = THREADS, R = distancesAt(space);
  const { stride, features, scale, tables, forward, wide } = pairText(options, T, true);
  const firstLines = T / PAIR_WIDTH, firstEach = Math.ceil(features / firstLines);
  const secondLines = T / OUT, secondEach = PAIR_WIDTH / secondLines;
  /** Attention's own, and the coordinates': what they ask of j, once the weights are known. */
  const also = `
      var d = 0.0;
      for (var e = 0u; e < ${f}u; e += ${HEADS}u) {
        d += dmixed[row * ${wide}u + e + h] * projected[(first + j) * ${stride}u + ${2 * f}u + e + h];
      }
      dshare[j][h] = d;`;
  const outputs = each(
    `n * ${OUT}u`,
    T,
    `let j = item / ${OUT}u; let o = item % ${OUT}u;
      let value = second[j][o];
      var d = 0.0;
      if (o < ${PAIR_WIDTH}u) {
        if (i != j) { d = dmixed[row * ${wide}u + ${f}u + o] / 3.0 * silu_slope(value); }
      } else if (o < ${COORDINATES}u) {
        let h = o - ${PAIR_WIDTH}u;
        var mean = 0.0;
        for (var k = 0u; k < n; k++) { mean += share[k][h] * dshare[k][h]; }
        d = share[j][h] * (dshare[j][h] - mean);
      } else {
        let c = o - ${COORDINATES}u; let inverse = 1.0 / (1.0 + feature[j][${R}u + c]);
        let asked = dot(dupdate(row, c), vector(row, c) - vector(first + j, c));
        let weight = select(value * inverse / 3.0, 0.0, i == j);
        d = select(asked * inverse / 3.0, 0.0, i == j);
        second[j][o] = weight;
        dfeature[j][c] = -asked * weight * inverse;
      }
      dsecond[j][o] = d;`,
  );
  const attention = `
    ${
    each(
      `n * ${f}u`,
      T,
      `let j = item / ${f}u; let col = item % ${f}u; let h = col % ${HEADS}u;
      let dk = ${scale} * dsecond[j][${PAIR_WIDTH}u + h] * projected[row * ${stride}u + col];
      let dv = share[j][h] * dmixed[row * ${wide}u + col];
      let k = (first + j) * ${stride}u + ${f}u + col;
      dprojected[k] = select(dprojected[k], 0.0, i == 0u) + dk;
      dprojected[k + ${f}u] = select(dprojected[k + ${f}u], 0.0, i == 0u) + dv;`,
    )
  }
    ${
    each(
      `${f}u`,
      T,
      `var sum = 0.0;
      for (var j = 0u; j < n; j++) {
        sum += dsecond[j][${PAIR_WIDTH}u + col % ${HEADS}u] * projected[(first + j) * ${stride}u + ${f}u + col];
      }
      dprojected[row * ${stride}u + col] = ${scale} * sum;`,
      "col",
    )
  }`;
  const edges = `
    ${
    each(
      `n * ${PAIR_WIDTH}u`,
      T,
      `let j = item / ${PAIR_WIDTH}u; let e = item % ${PAIR_WIDTH}u;
      let k = (first + j) * ${stride}u + ${3 * f + PAIR_WIDTH}u + e;
      dprojected[k] = select(dprojected[k], 0.0, i == 0u) + dhidden[j][e];
      // and of distances and shapes
      var sum = 0.0;
      for (var o = 0u; o < ${PAIR_WIDTH}u; o++) { sum += dhidden[j][o] * radial_weight[(${R}u + e) * ${PAIR_WIDTH}u + o]; }
      dfeature[j][e] = select(0.0, dfeature[j][e], e < ${SETS}u) + sum;`,
    )
  }
    ${
    each(
      `${PAIR_WIDTH}u`,
      T,
      `var sum = 0.0;
      for (var j = 0u; j < n; j++) { sum += dhidden[j][e]; }
      dprojected[row * ${stride}u + ${3 * f}u + e] = sum;`,
      "e",
    )
  }`;
  const code = `
${tables}
var<workgroup> dsecond: array<array<f32, ${OUT + 1}>, ${most}>;
var<workgroup> dshare: array<array<f32, ${HEADS + 1}>, ${most}>;
fn dupdate(row: u32, c: u32) -> vec3<f32> {
  let k = row * ${3 * SETS}u + c;
  return vec3<f32>(dupdates[k], dupdates[k + ${SETS}u], dupdates[k + ${2 * SETS}u]);
}

@compute @workgroup_size(${T})
fn main(${MAIN}) {
  ${unroll(firstEach, (u) => `var first${u} = 0.0;`)}
  ${unroll(secondEach, (u) => `var second${u} = 0.0;`)}
  var bias = 0.0;
  let e1 = thread % ${PAIR_WIDTH}u; let k1 = thread / ${PAIR_WIDTH}u;
  let o2 = thread % ${OUT}u; let k2 = thread / ${OUT}u;
  ${
    eachMolecule(`
  for (var i = 0u; i < n; i++) {
    let row = first + i;
    ${forward(also)}
    ${outputs}
    workgroupBarrier();
    ${
      each(
        `n * ${PAIR_WIDTH}u`,
        T,
        `let j = item / ${PAIR_WIDTH}u; let e = item % ${PAIR_WIDTH}u;
      var sum = 0.0;
      for (var o = 0u; o < ${OUT}u; o++) { sum += dsecond[j][o] * pair_weight[e * ${OUT}u + o]; }
      dhidden[j][e] *= sum;`,
      )
    }
    ${attention}
    workgroupBarrier();
    ${edges}
    for (var j = 0u; j < n; j++) {
      let d1 = dhidden[j][e1]; let d2 = dsecond[j][o2];
      ${
      unroll(
        firstEach,
        (u) => `first${u} += feature[j][min(k1 + ${u * firstLines}u, ${features - 1}u)] * d1;`,
      )
    }
      ${unroll(secondEach, (u) => `second${u} += hidden[j][k2 + ${u * secondLines}u] * d2;`)}
      bias += d2;
    }
    workgroupBarrier();
    ${
      geometryBackwardText(space, T, {
        shapes: true,
        also: `second[j][${COORDINATES}u + c] * dupdate(row, c)`,
      })
    }
  }`)
  }
  let own = ${OWN_SHARES};
  ${
    unroll(firstEach, (u) =>
      `if (k1 + ${u * firstLines}u < ${features}u) {
    shares[own + place[0] + (k1 + ${u * firstLines}u) * ${PAIR_WIDTH}u + e1] = first${u};
  }`)
  }
  ${unroll(secondEach, (u) => `shares[own + place[1] + (k2 + ${u * secondLines}u) * ${OUT}u + o2] = second${u};`)}
  if (k2 == 0u) { shares[own + place[2] + o2] = bias; }
}`;
  return createKernel(gpu, {
    label: "pairs, backward",
    constants: RADIAL,
    bindings: {
      ...INDEX,
      ...NETWORK,
      dmixed: READ,
      dupdates: READ,
      dprojected: WRITE,
      dnormalised: WRITE,
      place: WORDS,
      shares: WRITE,
    },
    code,
  });
}
