/** A sampler's step as a kernel, a workgroup a molecule: z' = a z + b x0 + c noise and what it takes of estimates before. */

import type { LatentSpace } from "../../diffusion/types.ts";
import { PURPOSE } from "../../diffusion/random.ts";
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { latentConstants } from "./constants.ts";
import steps from "./steps.wgsl" with { type: "text" };
import { assemble } from "./wgsl.ts";

/** The bindings of `createAdvance`. */
export type AdvanceBinding = "estimates" | "streams" | "call" | "latents" | "before";

const CODE = assemble(steps);

/**
 * `latents` `[B, L]` to those of the next time; `before` `[keep, B, L]` is read, then moves on by these estimates.
 * `streams` `[B, 2]`: seed and index of each molecule. Runs in a workgroup a molecule.
 */
export function createAdvance(gpu: Gpu, space: LatentSpace, nodes: number): Promise<Kernel<AdvanceBinding>> {
  const constants = { ...latentConstants(space, nodes), PURPOSE: PURPOSE.noise };
  return createKernel(gpu, { label: `step of ${nodes} nodes`, code: CODE, constants });
}
