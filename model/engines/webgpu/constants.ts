/** Values of `override` constants that several kernels have. */
import type { LatentSpace } from "../../diffusion/types.ts";
import { ANGSTROM } from "../../networks/heavy_atom/space.ts";

/** Of `latent.wgsl`, for molecules of one size. */
export const latentConstants = ({ vectors, scalars, pairs }: LatentSpace, nodes: number) => ({
  NODES: nodes,
  VECTORS: vectors,
  SCALARS: scalars,
  PAIRS: pairs,
});

/** Of `radial.wgsl`. */
export const RADIAL = { ANGSTROM2: ANGSTROM ** 2 };
