/** The constants of `latent.wgsl`. */
import type { LatentSpace } from "../../diffusion/types.ts";

/** Of molecules of one size. */
export const latentConstants = ({ vectors, scalars, pairs }: LatentSpace, nodes: number) => ({
  NODES: nodes,
  VECTORS: vectors,
  SCALARS: scalars,
  PAIRS: pairs,
});
