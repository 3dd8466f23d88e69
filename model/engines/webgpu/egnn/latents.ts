/** Between latents and what an EGNN reads and writes, as kernels; see `../../../networks/egnn_denoiser.ts`. */
import type { LatentSpace } from "../../../diffusion/types.ts";
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import { latentConstants } from "../constants.ts";
import { assemble } from "../wgsl.ts";
import estimates from "./estimates.wgsl" with { type: "text" };
import split from "./split.wgsl" with { type: "text" };

/** Threads of a workgroup. */
const THREADS = 64;

/** Floats of a row of conditions before the properties: the time, and what the estimate of x0 takes of z and of the prediction. */
export const CONDITIONS = 3;

const SPLIT = assemble(split), ESTIMATES = assemble(estimates);

/** What goes into a network: features of a node in all, and how many of them are properties. */
export interface Told {
  readonly inputs: number;
  readonly properties: number;
}

/**
 * `features` `[rows, inputs]` and `start` `[rows, 3]` of latents: the scalars, ones where there are none, the time where there is
 * room for it, and properties; the positions. Runs in `splitGroups(rows)` workgroups.
 */
export const createSplit = (
  gpu: Gpu,
  space: LatentSpace,
  nodes: number,
  { inputs, properties }: Told,
): Promise<Kernel<"latents" | "conditions" | "call" | "features" | "start">> =>
  createKernel(gpu, {
    label: `split of ${nodes} nodes`,
    code: SPLIT,
    constants: {
      ...latentConstants(space, nodes),
      INPUTS: inputs,
      PROPERTIES: properties,
      CONDITIONS: CONDITIONS + properties,
    },
  });

/** Workgroups of `createSplit`. */
export const splitGroups = (rows: number): [number] => [Math.ceil(rows / THREADS)];

/**
 * x0 `[B, L]` of latents and the network's output: the displacement of the positions without its mean, and the features. Runs in a
 * workgroup a molecule.
 */
export const createEgnnEstimates = (
  gpu: Gpu,
  space: LatentSpace,
  nodes: number,
  { outputs, properties }: Pick<Told, "properties"> & { readonly outputs: number },
): Promise<Kernel<"latents" | "conditions" | "call" | "start" | "positions" | "out" | "estimates">> =>
  createKernel(gpu, {
    label: `estimates of ${nodes} nodes by an EGNN`,
    code: ESTIMATES,
    constants: { ...latentConstants(space, nodes), OUTPUTS: outputs, CONDITIONS: CONDITIONS + properties },
  });
