/** A start matched to the data (`samplers/start.ts`), as a kernel: a normal draw that stands for the data. */
import { latentLength } from "../../diffusion/latent.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { noiseText } from "./noise.ts";

const THREADS = 64;

/** The bindings of `createStart`. */
export type StartBinding = "streams" | "moments" | "estimates";

/**
 * `estimates` `[B, L]` become mean + spread n, where n is each molecule's first draw of noise. `moments` `[2, L]`: mean, then spread.
 * `streams` `[B, 2]`: seed and index of each molecule. Runs in a workgroup a molecule.
 */
export function createStart(gpu: Gpu, space: LatentSpace, nodes: number): Promise<Kernel<StartBinding>> {
  const length = latentLength(space, nodes);
  return createKernel(gpu, {
    label: `start of ${nodes} nodes`,
    bindings: {
      streams: { access: "read", type: "array<vec2<u32>>" },
      moments: { access: "read", type: "array<f32>" },
      estimates: { access: "write", type: "array<f32>" },
    },
    code: `${noiseText(space, nodes)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let stream = streams[group.x];
  find_mean(stream, 0u, thread);
  for (var k = thread; k < ${length}u; k += ${THREADS}u) {
    estimates[group.x * ${length}u + k] = moments[k] + moments[${length}u + k] * centred_noise(stream, 0u, k);
  }
}`,
  });
}
