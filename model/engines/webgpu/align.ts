/** Aligning the noise in latents to estimates, as a kernel: `realign` of `coupling/align.ts`, in 32 bits. */
import { ROUNDS } from "../../diffusion/coupling/align.ts";
import { latentLength } from "../../diffusion/latent.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { assignText } from "./assignment.ts";
import { CALL_TYPE } from "./call.ts";
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { TURN_TEXT } from "./turn.ts";

/** The bindings of `createAlign`. */
export type AlignBinding = "estimates" | "call" | "latents";

/**
 * Aligns what of the positions of `latents` `[B, L]` is not alpha x0 to those of x0 = `estimates` `[B, L]`, in place; alpha is the call's.
 * Runs in a workgroup a molecule, of 32 threads for up to 32 nodes, as there are barriers in the inner loop. Takes 80 bytes of workgroup
 * memory a node: 200 nodes fit in 16 KiB.
 *
 * Orders and turns are those of the CPU but where two of them are as good to rounding, as where points lie in a plane or on a line to about
 * 1e-6: there it may take the other.
 *
 * @param nodes at least 2: there is nothing to align in a single node
 */
export function createAlign(gpu: Gpu, space: LatentSpace, nodes: number): Promise<Kernel<AlignBinding>> {
  const width = 3 * space.vectors + space.scalars, threads = nodes > 32 ? 64 : 32;
  const own = (body: string) => `for (var i = thread; i < ${nodes}u; i += ${threads}u) { ${body} }`;
  return createKernel(gpu, {
    label: `alignment of ${nodes} nodes`,
    bindings: {
      estimates: { access: "read", type: "array<f32>" },
      call: { access: "uniform", type: "Call" },
      latents: { access: "write", type: "array<f32>" },
    },
    code: `${CALL_TYPE}
${TURN_TEXT}
var<workgroup> x: array<vec3<f32>, ${nodes}>;
var<workgroup> noise: array<vec3<f32>, ${nodes}>;
var<workgroup> turned: array<vec3<f32>, ${nodes}>;
var<workgroup> order: array<u32, ${nodes}>;
var<workgroup> h: array<vec3<f32>, 3>;
var<workgroup> turn: array<vec3<f32>, 3>;
var<workgroup> settled: u32;
${assignText({ nodes, threads, cost: "-dot(x[row], turned[column])" })}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let at = group.x * ${latentLength(space, nodes)}u;
  ${
      own(`
    let k = at + i * ${width}u;
    x[i] = vec3<f32>(estimates[k], estimates[k + 1u], estimates[k + 2u]);
    noise[i] = vec3<f32>(latents[k], latents[k + 1u], latents[k + 2u]) - call.alpha * x[i];
    turned[i] = noise[i];`)
    }
  workgroupBarrier();
  for (var round = 0u; round < ${ROUNDS}u; round++) {
    assign(thread);
    if (thread == 0u) {
      var same = round > 0u;
      for (var i = 0u; i < ${nodes}u; i++) { same = same && order[i] == column_of[i]; }
      settled = u32(same);
    }
    if (workgroupUniformLoad(&settled) != 0u) { break; } // the turn is the best for this order already
    ${own("order[i] = column_of[i];")}
    workgroupBarrier();
    if (thread < 3u) {
      var sum = vec3<f32>();
      for (var i = 0u; i < ${nodes}u; i++) { sum += x[i] * noise[order[i]][thread]; }
      h[thread] = sum;
    }
    workgroupBarrier();
    if (thread == 0u) { turn = nearest_orthogonal(h); }
    workgroupBarrier();
    ${own("turned[i] = vec3<f32>(dot(turn[0], noise[i]), dot(turn[1], noise[i]), dot(turn[2], noise[i]));")}
    workgroupBarrier();
  }
  ${
      own(`
    let k = at + i * ${width}u; let z = call.alpha * x[i] + turned[order[i]];
    latents[k] = z.x; latents[k + 1u] = z.y; latents[k + 2u] = z.z;`)
    }
}`,
  });
}
