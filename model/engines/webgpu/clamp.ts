/**
 * Clamping estimates to graphs that obey valence (heavy_atom/clamp.ts) where that is simple: the likeliest class of each atom and
 * order of each pair, taken one by one, mostly obeys it already, and is put in the estimate's place on the GPU. The
 * others are flagged, for the search on the CPU.
 */
import { AROMATIC, ONE_HOT, ORDERS } from "../../networks/heavy_atom/space.ts";
import type { Sampling } from "../../diffusion/denoiser.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import clamp from "./clamp.wgsl" with { type: "text" };
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { latentConstants } from "./constants.ts";
import { assemble } from "./wgsl.ts";

/**
 * Clamps `estimates` `[B, L]` in place, or sets `flags[b]` to 1 for a molecule whose likeliest graph violates valence, or has a charge left over where
 * there is to be none, which is left.
 * Runs in a workgroup a molecule.
 */
export function createClamp(
  gpu: Gpu,
  space: LatentSpace,
  nodes: number,
  { bondSums, charges = bondSums.map(() => 0) }: NonNullable<Sampling["clamp"]>,
): Promise<Kernel<"estimates" | "flags">> {
  const { scalars: K, pairs: P } = space;
  if (K !== bondSums.length || (P !== ORDERS && P !== AROMATIC + 1)) {
    throw new RangeError(
      `a latent must have ${bondSums.length} classes and ${ORDERS} or ${AROMATIC + 1} orders; got ${K} and ${P}`,
    );
  }
  /** Bit s is set where a sum of s may be. */
  const allowed = bondSums.map((sums) => sums.reduce((bits, sum) => bits | 1 << sum, 0));
  return createKernel(gpu, {
    label: `clamp of ${nodes} nodes`,
    code: assemble(clamp, {
      blocks: {
        bonds: `const ALLOWED = array<u32, ${K}>(${allowed.map((bits) => `${bits}u`).join(", ")});\n` +
          `const CHARGES = array<i32, ${K}>(${charges.map((charge) => `${charge}i`).join(", ")});`,
      },
    }),
    constants: { ...latentConstants(space, nodes), ONE_HOT },
  });
}
