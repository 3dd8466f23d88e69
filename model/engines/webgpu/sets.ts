/**
 * Kernels on the coordinate sets of whole molecules `[rows, 3, 16]`, a workgroup a molecule: the sets' beginning or their
 * update, then their normalisation, X / sqrt(mean_n |X_n|^2 + 1e-2), and the norms that nodes see. See docs/denoiser.md.
 */
import { createKernel, type Kernel } from "./kernel.ts";
import { SETS } from "../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { latentLength } from "../../diffusion/latent.ts";
import type { Gpu } from "./device.ts";

const THREADS = 64, GROUPS = THREADS / SETS;

/** What both kernels end with: from `sets`, of which each thread has summed up squares in `square`. */
const normalise = (nodes: number) => `
  partial[line][channel] = square;
  storageBarrier();
  workgroupBarrier();
  var total = 0.0;
  for (var k = 0u; k < ${GROUPS}u; k++) { total += partial[k][channel]; }
  let scale = 1.0 / sqrt(total / ${nodes}.0 + 1e-2);
  for (var i = line; i < ${nodes}u; i += ${GROUPS}u) {
    var q = 0.0;
    for (var a = 0u; a < 3u; a++) {
      let at = ((first + i) * 3u + a) * ${SETS}u + channel;
      let x = sets[at] * scale;
      normalised[at] = x;
      q += x * x;
    }
    norms[(first + i) * ${SETS}u + channel] = sqrt(q + 1e-4);
  }`;

const head = (nodes: number, shared: string) => `
var<workgroup> partial: array<array<f32, ${SETS}>, ${GROUPS}>;
${shared}
@compute @workgroup_size(${SETS}, ${GROUPS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let channel = local.x; let line = local.y;
  let first = group.x * ${nodes}u;
  var square = 0.0;`;

const outputs = {
  sets: { access: "write", type: "array<f32>" },
  normalised: { access: "write", type: "array<f32>" },
  norms: { access: "write", type: "array<f32>" },
} as const;

/** X = sum_v v_v cin[v]; runs in a workgroup a molecule. */
export function createFirstSets(
  gpu: Gpu,
  space: LatentSpace,
  nodes: number,
): Promise<Kernel<"latents" | "weight" | keyof typeof outputs>> {
  const { vectors: V, scalars: K } = space;
  return createKernel(gpu, {
    label: `first sets of ${nodes} nodes`,
    bindings: {
      latents: { access: "read", type: "array<f32>" },
      weight: { access: "read", type: "array<f32>" },
      ...outputs,
    },
    code: `${head(nodes, "")}
  for (var r = line; r < ${3 * nodes}u; r += ${GROUPS}u) {
    let at = group.x * ${latentLength(space, nodes)}u + (r / 3u) * ${3 * V + K}u + r % 3u;
    var x = 0.0;
    for (var v = 0u; v < ${V}u; v++) { x += latents[at + 3u * v] * weight[v * ${SETS}u + channel]; }
    sets[(first * 3u + r) * ${SETS}u + channel] = x;
    square += x * x;
  }
  ${normalise(nodes)}
}`,
  });
}

/**
 * X += (update + g Xn) mix, where `gates` `[rows, 16]` holds g and `updates` `[rows, 3, 16]` what a node's neighbours add.
 * `normalised` is read before it is written. Runs in a workgroup a molecule.
 */
export function createNextSets(
  gpu: Gpu,
  nodes: number,
): Promise<Kernel<"gates" | "updates" | "weight" | keyof typeof outputs>> {
  return createKernel(gpu, {
    label: `next sets of ${nodes} nodes`,
    bindings: {
      gates: { access: "read", type: "array<f32>" },
      updates: { access: "read", type: "array<f32>" },
      weight: { access: "read", type: "array<f32>" },
      ...outputs,
    },
    code: `${
      head(
        nodes,
        `var<workgroup> mixed: array<array<f32, ${SETS}>, ${GROUPS}>;
var<workgroup> mix: array<array<f32, ${SETS}>, ${SETS}>;`,
      )
    }
  for (var k = line; k < ${SETS}u; k += ${GROUPS}u) { mix[k][channel] = weight[k * ${SETS}u + channel]; }
  for (var r0 = 0u; r0 < ${3 * nodes}u; r0 += ${GROUPS}u) {
    let r = min(r0 + line, ${3 * nodes - 1}u);
    let at = (first * 3u + r) * ${SETS}u + channel;
    workgroupBarrier();
    mixed[line][channel] = updates[at] + gates[(first + r / 3u) * ${SETS}u + channel] * normalised[at];
    workgroupBarrier();
    var x = 0.0;
    for (var k = 0u; k < ${SETS}u; k++) { x += mixed[line][k] * mix[k][channel]; }
    if (r0 + line < ${3 * nodes}u) {
      x += sets[at];
      sets[at] = x;
      square += x * x;
    }
  }
  ${normalise(nodes)}
}`,
  });
}
