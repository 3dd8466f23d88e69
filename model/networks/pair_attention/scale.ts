/**
 * How a network is told how far its estimate is to be guided to its properties, so that one call says what guidance takes two for (Meng et al. 2023, "On
 * distillation of guided diffusion models", section 3.1): the properties' values, less their means, are told w times as large (`properties.ts`), and one feature
 * more is w - 1, so that w and the values are known apart. At w = 1, the estimate that is not guided, all is as without a scale; and where no properties are given there is
 * nothing to be guided to, and the feature is 0. A network that begins from one without a scale begins with a zero weight for the feature. As far as it answers a value
 * in proportion, c = u + a value, it begins with u + w (c - u), the guided estimate. (w - 1 by itself, with values as they are, begins with no answer to w; and what w is to
 * do is of either sign with the values, so that nothing tells a zero weight which way to go: docs/conditions.md has what was measured.)
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
