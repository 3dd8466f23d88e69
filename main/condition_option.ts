/** Options that ask for properties: `molstep generate --condition`. */
import { z } from "zod";
import { conditionAsked, GUIDANCE_MAX, guidanceAsked } from "../model/generation/condition_order.ts";
import { object, option } from "./options.ts";

/** As POST /generate has them. */
export const conditionOptions = {
  condition: option(
    "JSON",
    'properties that molecules are to have, such as {"gap":7.2}: docs/conditions.md',
    object().pipe(conditionAsked).optional(),
  ),
  guidance: option(
    "W",
    `how far they are guided there, 0 to ${GUIDANCE_MAX} (default 1); others than 0 and 1 take twice the calls`,
    z.string().transform(Number).pipe(guidanceAsked).optional(),
  ),
};
