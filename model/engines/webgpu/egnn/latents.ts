/** Between latents and what an EGNN reads and writes, as kernels; see `../../../networks/egnn_denoiser.ts`. */
import type { LatentSpace } from "../../../diffusion/types.ts";
import { CALL_TYPE } from "../call.ts";
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import { float, unroll } from "../text.ts";

const THREADS = 64, read = { access: "read", type: "array<f32>" } as const;
const write = { access: "write", type: "array<f32>" } as const, call = { access: "uniform", type: "Call" } as const;

/** Floats of a row of conditions: the time, and what the estimate of x0 takes of z and of the prediction. */
export const CONDITIONS = 3;

/**
 * `features` `[rows, inputs]` and `start` `[rows, 3]` of latents: the scalars, ones where there are none, and the time where there is
 * room for it; the positions. Runs in `splitGroups(rows)` workgroups.
 */
export function createSplit(
  gpu: Gpu,
  { scalars: K }: LatentSpace,
  nodes: number,
  inputs: number,
): Promise<Kernel<"latents" | "conditions" | "call" | "features" | "start">> {
  return createKernel(gpu, {
    label: `split of ${nodes} nodes`,
    bindings: { latents: read, conditions: read, call, features: write, start: write },
    code: `${CALL_TYPE}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  ${unroll(3, (a) => `start[row * 3u + ${a}u] = latents[row * ${3 + K}u + ${a}u];`)}
  ${
      unroll(inputs, (k) => {
        const time = `conditions[(call.first + call.stride * (row / ${nodes}u)) * ${CONDITIONS}u]`;
        const value = k < K ? `latents[row * ${3 + K}u + ${3 + k}u]` : k < Math.max(K, 1) ? "1.0" : time;
        return `features[row * ${inputs}u + ${k}u] = ${value};`;
      })
    }
}`,
  });
}

/** Workgroups of `createSplit`. */
export const splitGroups = (rows: number): [number] => [Math.ceil(rows / THREADS)];

/**
 * x0 `[B, L]` of latents and the network's output: the displacement of the positions without its mean, and the features. Runs in a
 * workgroup a molecule.
 */
export function createEgnnEstimates(
  gpu: Gpu,
  { scalars: K }: LatentSpace,
  nodes: number,
  outputs: number,
): Promise<Kernel<"latents" | "conditions" | "call" | "start" | "positions" | "out" | "estimates">> {
  const width = 3 + K;
  return createKernel(gpu, {
    label: `estimates of ${nodes} nodes by an EGNN`,
    bindings: { latents: read, conditions: read, call, start: read, positions: read, out: read, estimates: write },
    code: `${CALL_TYPE}
var<workgroup> mean: array<f32, 3>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let first = group.x * ${nodes}u;
  let condition = (call.first + call.stride * group.x) * ${CONDITIONS}u;
  let of_z = conditions[condition + 1u]; let of_prediction = conditions[condition + 2u];
  if (thread < 3u) {
    var sum = 0.0;
    for (var i = 0u; i < ${nodes}u; i++) {
      let at = 3u * (first + i) + thread;
      sum += positions[at] - start[at];
    }
    mean[thread] = sum / ${float(nodes)};
  }
  workgroupBarrier();
  for (var k = thread; k < ${nodes * width}u; k += ${THREADS}u) {
    let row = first + k / ${width}u; let c = k % ${width}u;
    var prediction = 0.0;
    if (c < 3u) { prediction = positions[3u * row + c] - start[3u * row + c] - mean[c]; }
    ${K > 0 ? `else { prediction = out[row * ${outputs}u + c - 3u]; }` : ""}
    let at = first * ${width}u + k;
    // What is left out may not be finite.
    var x0 = 0.0;
    if (of_z != 0.0) { x0 = of_z * latents[at]; }
    if (of_prediction != 0.0) { x0 += of_prediction * prediction; }
    estimates[at] = x0;
  }
}`,
  });
}
