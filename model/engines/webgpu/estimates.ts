/**
 * The network's end as one kernel, a workgroup a molecule: from the last sets, the end's product and the noisy latent to the
 * estimate of x0 as a latent. See docs/denoiser.md, "Outputs".
 */
import { ONE_HOT } from "../../networks/heavy_atom/space.ts";
import { DISTANCES, type PairAttentionSizes } from "../../networks/pair_attention/parameters.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Gpu } from "./device.ts";
import estimates from "./estimates.wgsl" with { type: "text" };
import { createKernel, type Kernel } from "./kernel.ts";
import { latentConstants, RADIAL } from "./constants.ts";
import { endColumns } from "./packing.ts";
import { roundUp } from "./round_up.ts";
import { seenFeatures } from "./seen.ts";
import { assemble } from "./wgsl.ts";

/** The bindings of `createEstimates`. */
export type EstimateBinding =
  | "latents"
  | "sets"
  | "normalised"
  | "ends"
  | "ends4"
  | "pair_weight"
  | "pair_bias"
  | "out_weight"
  | "out_bias"
  | "coordinates"
  | "conditions"
  | "call"
  | "estimates";

/**
 * x0 `[molecules, length]` into `estimates`. `ends` (bound again as `ends4`) has rows of `endColumns`: logits of classes,
 * then what nodes add to their bonds. Runs in a workgroup a molecule.
 */
export function createEstimates(
  gpu: Gpu,
  space: LatentSpace,
  nodes: number,
  conditionWidth: number,
  sizes: Pick<PairAttentionSizes, "estimates"> = {},
): Promise<Kernel<EstimateBinding>> {
  const seen = seenFeatures(sizes);
  const { pairs: P } = space, quads = roundUp(P, 4) / 4, end = endColumns(space);
  return createKernel<EstimateBinding>(gpu, {
    label: `estimates of ${nodes} nodes`,
    code: assemble(estimates, {
      blocks: { features: `const FEATURES = ${DISTANCES}u + ${P}u + ${seen}u + SETS;\nconst Q = ${quads}u;` },
      counts: { PAIRS: P, QUADS: quads, SEEN: Number(seen > 0) },
    }),
    constants: {
      ...latentConstants(space, nodes),
      CONDITIONS: conditionWidth,
      ONE_HOT,
      END_QUADS: end.scalars / 4,
      END_FLOATS: end.floats,
      ...RADIAL,
    },
  });
}
