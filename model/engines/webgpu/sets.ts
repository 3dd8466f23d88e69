/**
 * Kernels on the coordinate sets of whole molecules `[rows, 3, 16]`, a workgroup a molecule: the sets' beginning or their
 * update, then their normalisation, X / sqrt(mean_n |X_n|^2 + 1e-2), and the norms that nodes see. See docs/denoiser.md.
 */
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Gpu } from "./device.ts";
import firstSets from "./first_sets.wgsl" with { type: "text" };
import { createKernel, type Kernel } from "./kernel.ts";
import { latentConstants } from "./constants.ts";
import nextSets from "./next_sets.wgsl" with { type: "text" };
import { assemble } from "./wgsl.ts";

type Outputs = "sets" | "normalised" | "norms";

const FIRST = assemble(firstSets), NEXT = assemble(nextSets);

/** X = sum_v v_v cin[v]; runs in a workgroup a molecule. */
export const createFirstSets = (
  gpu: Gpu,
  space: LatentSpace,
  nodes: number,
): Promise<Kernel<"latents" | "weight" | Outputs>> =>
  createKernel(gpu, {
    label: `first sets of ${nodes} nodes`,
    code: FIRST,
    constants: latentConstants(space, nodes),
  });

/**
 * X += (update + g Xn) mix, where `gates` `[rows, 16]` holds g and `updates` `[rows, 3, 16]` what a node's neighbours add.
 * `normalised` is read before it is written. Runs in a workgroup a molecule.
 */
export const createNextSets = (gpu: Gpu, nodes: number): Promise<Kernel<"gates" | "updates" | "weight" | Outputs>> =>
  createKernel(gpu, { label: `next sets of ${nodes} nodes`, code: NEXT, constants: { NODES: nodes } });
