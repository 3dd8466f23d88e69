/** What pairs see of the network's own estimate of the positions; see `seen.wgsl`. Only of networks with `estimates`. */
import { DISTANCES, type PairAttentionSizes } from "../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import { latentConstants } from "./constants.ts";
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import seen from "./seen.wgsl" with { type: "text" };
import { assemble } from "./wgsl.ts";

const CODE = assemble(seen);

/** The bindings of `createSeen`. */
export type SeenBinding = "latents" | "sets" | "coordinates" | "conditions" | "call" | "seen";

/** Positions `[rows, 4]`, the fourth number unused, into `seen`; runs in a workgroup a molecule. */
export const createSeen = (
  gpu: Gpu,
  space: LatentSpace,
  nodes: number,
  conditionWidth: number,
): Promise<Kernel<SeenBinding>> =>
  createKernel(gpu, {
    label: `what pairs of ${nodes} nodes see`,
    code: CODE,
    constants: { ...latentConstants(space, nodes), CONDITIONS: conditionWidth },
  });

/** Features of a pair that `estimates` adds. */
export const seenFeatures = ({ estimates = false }: Pick<PairAttentionSizes, "estimates">): number =>
  estimates ? DISTANCES : 0;
