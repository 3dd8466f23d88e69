/** Aligning the noise in latents to estimates, as a kernel: `realign` of `coupling/align.ts`, in 32 bits. */
import { ROUNDS } from "../../diffusion/coupling/align.ts";
import { DEGENERATE } from "../../diffusion/coupling/turn.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import align from "./align.wgsl" with { type: "text" };
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { latentConstants } from "./constants.ts";
import { assemble } from "./wgsl.ts";

/** The bindings of `createAlign`. */
export type AlignBinding = "estimates" | "call" | "latents";

const CODE = assemble(align);

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
  return createKernel(gpu, {
    label: `alignment of ${nodes} nodes`,
    code: CODE,
    constants: { ...latentConstants(space, nodes), THREADS: nodes > 32 ? 64 : 32, ROUNDS, DEGENERATE },
  });
}
