/**
 * The network's end as one kernel, a workgroup a molecule: from the last sets, the end's product and the noisy latent to the
 * estimate of x0 as a latent. See docs/denoiser.md, "Outputs".
 */
import { ONE_HOT } from "../../networks/heavy_atom/space.ts";
import { latentLength } from "../../diffusion/latent.ts";
import { DISTANCES, PAIR_WIDTH, SETS } from "../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import call from "./call.wgsl" with { type: "text" };
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { END_SCALARS } from "./packing.ts";
import { firstLayerText, radialText } from "./pairs.ts";
import { activations, COMPONENTS, float, roundUp, unroll } from "./text.ts";

const THREADS = 64, E = PAIR_WIDTH / 4, ENDS = 64;

/** The bindings of `createEstimates`. */
export type EstimateBinding =
  | "latents"
  | "sets"
  | "normalised"
  | "ends"
  | "ends4"
  | "pair_weight"
  | "pair_bias"
  | "out_weight"
  | "out_bias"
  | "coordinates"
  | "conditions"
  | "call"
  | "estimates";

/**
 * x0 `[molecules, length]` into `estimates`. `ends` (bound again as `ends4`) is `[rows, 64]`: logits of classes, then what nodes add to
 * their bonds. Runs in a workgroup a molecule.
 */
export function createEstimates(
  gpu: Gpu,
  space: LatentSpace,
  nodes: number,
  conditionWidth: number,
): Promise<Kernel<EstimateBinding>> {
  const { vectors: V, scalars: K, pairs: P } = space, width = 3 * V + K, Q = roundUp(P, 4) / 4;
  const radial = (DISTANCES + P + SETS) * E;
  const share = (p: number) => `z${p >> 2}.${COMPONENTS[p & 3]}`;
  const most = Array.from({ length: P }, (_, p) => share(p)).reduce((a, b) => `max(${a}, ${b})`);
  const code = `
${call}
${activations("vec4<f32>")}
var<workgroup> first_weight: array<vec4<f32>, ${radial}>;
var<workgroup> second: array<vec4<f32>, ${PAIR_WIDTH * Q}>;
var<workgroup> mean: array<f32, 3>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let molecule = group.x; let at = molecule * ${latentLength(space, nodes)}u; let first = molecule * ${nodes}u;
  let condition = (call.first + call.stride * molecule) * ${conditionWidth}u + ${conditionWidth - 2}u;
  let alpha = conditions[condition]; let sigma = conditions[condition + 1u];
  for (var k = thread; k < ${radial}u; k += ${THREADS}u) { first_weight[k] = pair_weight[k]; }
  for (var k = thread; k < ${PAIR_WIDTH * Q}u; k += ${THREADS}u) { second[k] = out_weight[k]; }

  // vectors: alpha v + sigma O with O_v = sum_c X_c cout[c, v]
  for (var k = thread; k < ${nodes * 3 * V}u; k += ${THREADS}u) {
    let i = k / ${3 * V}u; let v = k % ${3 * V}u / 3u; let axis = k % 3u;
    var o = 0.0;
    for (var c = 0u; c < ${SETS}u; c++) { o += sets[((first + i) * 3u + axis) * ${SETS}u + c] * coordinates[c * ${V}u + v]; }
    let place = at + i * ${width}u + 3u * v + axis;
    estimates[place] = alpha * latents[place] + sigma * o;
  }
  // classes
  for (var i = thread; i < ${nodes}u; i += ${THREADS}u) {
    let logits = (first + i) * ${ENDS}u; let place = at + i * ${width}u + ${3 * V}u;
    var most = ends[logits];
    for (var k = 1u; k < ${K}u; k++) { most = max(most, ends[logits + k]); }
    var total = 0.0;
    for (var k = 0u; k < ${K}u; k++) { total += exp(ends[logits + k] - most); }
    for (var k = 0u; k < ${K}u; k++) { estimates[place + k] = ${
    float(ONE_HOT)
  } * exp(ends[logits + k] - most) / total; }
  }
  storageBarrier();
  workgroupBarrier();
  if (thread < 3u) { // the position's mean
    var sum = 0.0;
    for (var i = 0u; i < ${nodes}u; i++) { sum += estimates[at + i * ${width}u + thread]; }
    mean[thread] = sum / ${float(nodes)};
  }
  workgroupBarrier();
  for (var k = thread; k < ${
    3 * nodes
  }u; k += ${THREADS}u) { estimates[at + k / 3u * ${width}u + k % 3u] -= mean[k % 3u]; }

  // bond orders
  for (var pair = thread; pair < ${nodes * nodes}u; pair += ${THREADS}u) {
    let i = pair / ${nodes}u; let j = pair % ${nodes}u; let row = first + i; let column = first + j;
    ${radialText(space, `${nodes}u`)}
    ${
    unroll(E, (e) =>
      `var sum${e} = (ends4[row * ${ENDS / 4}u + ${END_SCALARS / 4 + e}u] + ends4[column * ${ENDS / 4}u + ${
        END_SCALARS / 4 + e
      }u]) + pair_bias[${e}];`)
  }
    ${firstLayerText(space, "first_weight", false)}
    ${unroll(E, (e) => `let hidden${e} = silu(sum${e});`)}
    ${unroll(Q, (q) => `var z${q} = out_bias[${q}];`)}
    ${
    unroll(PAIR_WIDTH, (k) => unroll(Q, (q) => `z${q} += hidden${k >> 2}.${COMPONENTS[k & 3]} * second[${k * Q + q}];`))
  }
    let most = ${most};
    ${unroll(Q, (q) => `z${q} = exp(z${q} - most);`)}
    let scale = select(${float(ONE_HOT)} / (${Array.from({ length: P }, (_, p) => share(p)).join(" + ")}), 0.0, i == j);
    let place = at + ${nodes * width}u + pair * ${P}u;
    ${unroll(P, (p) => `estimates[place + ${p}u] = scale * ${share(p)};`)}
  }
}`;
  return createKernel<EstimateBinding>(gpu, {
    label: `estimates of ${nodes} nodes`,
    bindings: {
      latents: { access: "read", type: "array<f32>" },
      sets: { access: "read", type: "array<f32>" },
      normalised: { access: "read", type: "array<vec4<f32>>" },
      ends: { access: "read", type: "array<f32>" },
      ends4: { access: "read", type: "array<vec4<f32>>" },
      pair_weight: { access: "read", type: "array<vec4<f32>>" },
      pair_bias: { access: "read", type: "array<vec4<f32>>" },
      out_weight: { access: "read", type: "array<vec4<f32>>" },
      out_bias: { access: "read", type: "array<vec4<f32>>" },
      coordinates: { access: "read", type: "array<f32>" },
      conditions: { access: "read", type: "array<f32>" },
      call: { access: "uniform", type: "Call" },
      estimates: { access: "write", type: "array<f32>" },
    },
    code,
  });
}
