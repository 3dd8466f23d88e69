/** Whose noise is whose. */
import { drawNoise } from "./latent.ts";
import { PURPOSE, random } from "./random.ts";

import type { DrawNoise, LatentSpace } from "./types.ts";

/** The noises of a seed's molecules, one draw after the other: each molecule's depends on its own index alone. */
export function moleculeNoise(
  space: LatentSpace,
  nodes: number,
  seed: number,
  indices: readonly number[],
): DrawNoise {
  const streams = indices.map((index) => random(seed, index, PURPOSE.noise)), shape = { batch: indices.length, nodes };
  return () => drawNoise(space, shape, streams);
}
