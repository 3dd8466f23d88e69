/** What the molecules of a round's batches are told, of a model that is told properties. */
import type { FixedCondition } from "../../diffusion/condition.ts";
import type { Random } from "../../diffusion/random.ts";
import type { ScaleRange } from "../../networks/pair_attention/scale.ts";
import { drawTold, type Told } from "../../training/conditions.ts";

/** Draws what an example's networks are told. */
export type Tell = (index: number, stream: Random) => FixedCondition;

/**
 * Properties as in training, none for the same share (`drawTold`); and with them, where there is a range, a guidance scale that is uniform in it: Meng et al.,
 * "On distillation of guided diffusion models" (2023), section 3.1; Luo et al., "Latent consistency models" (2023), section 4.2.
 */
export const tellOf = (told: Told, scales?: ScaleRange): Tell => (index, stream) => {
  const properties = drawTold(told, index, stream);
  if (!properties) return {};
  return { properties, ...scales && { guidance: scales.first + (scales.last - scales.first) * stream.uniform() } };
};
