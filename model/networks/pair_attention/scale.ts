/**
 * How a network is told how far its estimate is to be guided to its properties, so that one call says what guidance takes two for (Meng et al. 2023, "On
 * distillation of guided diffusion models", section 3.1): one feature, the scale w less 1. So it is 0 at w = 1, the estimate that is not guided, and where no
 * properties are given and there is nothing to be guided to. A network that begins from one without this feature begins with zero weights for it: it says what
 * that says at w = 1, whatever w.
 */
import { z } from "zod";
import type { Condition } from "../../diffusion/condition.ts";
import { strict } from "../../diffusion/strict.ts";

/** Most that an estimate is guided. */
export const GUIDANCE_MAX = 10;

/** The scales that a network is told, from the first to the last; 1, that of an estimate which is not guided, is among them. */
export const scaleRange = strict({
  first: z.number().min(0).max(1),
  last: z.number().min(1).max(GUIDANCE_MAX),
}).refine(({ first, last }) => first < last, { error: "first must lie below last" });

/** See {@link scaleRange}. */
export type ScaleRange = z.infer<typeof scaleRange>;

/** The feature of a condition. */
export const scaleFeature = ({ properties, guidance = 1 }: Pick<Condition, "properties" | "guidance">): number =>
  properties ? guidance - 1 : 0;
