/** A sampler's step as a kernel, a workgroup a molecule: z' = a z + b x0 + c noise and what it takes of estimates before. */
import { latentLength } from "../../diffusion/latent.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { CALL_TYPE } from "./call.ts";
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { noiseText } from "./noise.ts";

const THREADS = 64;

/** The bindings of `createAdvance`. */
export type AdvanceBinding = "estimates" | "streams" | "call" | "latents" | "before";

/**
 * `latents` `[B, L]` to those of the next time; `before` `[keep, B, L]` is read, then moves on by these estimates.
 * `streams` `[B, 2]`: seed and index of each molecule. Runs in a workgroup a molecule.
 */
export function createAdvance(gpu: Gpu, space: LatentSpace, nodes: number): Promise<Kernel<AdvanceBinding>> {
  const length = latentLength(space, nodes);
  return createKernel(gpu, {
    label: `step of ${nodes} nodes`,
    bindings: {
      estimates: { access: "read", type: "array<f32>" },
      streams: { access: "read", type: "array<vec2<u32>>" },
      call: { access: "uniform", type: "Call" },
      latents: { access: "write", type: "array<f32>" },
      before: { access: "write", type: "array<f32>" },
    },
    code: `${CALL_TYPE}
${noiseText(space, nodes)}
@compute @workgroup_size(${THREADS})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let stream = streams[group.x]; let at = group.x * ${length}u; let size = groups.x * ${length}u;
  let noisy = call.noise != 0.0;
  if (noisy) { find_mean(stream, call.draw, thread); }
  for (var k = thread; k < ${length}u; k += ${THREADS}u) {
    var z = 0.0;
    if (call.latent != 0.0) { z = call.latent * latents[at + k]; }
    if (call.estimate != 0.0) { z += call.estimate * estimates[at + k]; }
    for (var i = call.keep; i > 0u; i--) {
      let had = (i - 1u) * size + at + k;
      if (call.before[i - 1u] != 0.0) { z += call.before[i - 1u] * before[had]; }
      if (i < call.keep) { before[had + size] = before[had]; }
    }
    if (call.keep != 0u) { before[at + k] = estimates[at + k]; }
    if (noisy) { z += call.noise * centred_noise(stream, call.draw, k); }
    latents[at + k] = z;
  }
}`,
  });
}
