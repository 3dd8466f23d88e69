/** Options that name a fixed part: `molstep generate --fixed`. */
import { z } from "zod";
import { type FixedAsked, fixedAsked } from "../model/generation/fixed_order.ts";
import { given, json, list, object, option, UsageError, type Values, whole } from "./options.ts";
import { whereFile } from "./where_option.ts";

/** See {@link readFixed}. */
export const fixedOptions = {
  fixed: option(
    "FILE|JSON",
    "a molblock (V2000) whose atoms each molecule begins with, or `fixed` as in POST /generate: docs/fixed.md",
    z.string().min(1).optional(),
  ),
  "fixed-atoms": option(
    "N,N",
    "its heavy atoms that are fixed, by index from 0 (default all)",
    list(whole()).optional(),
  ),
  attach: option(
    "N,N",
    "of these, those that may get new bonds (default all that have a hydrogen to give)",
    list(whole()).optional(),
  ),
  resample: option(
    "JSON",
    'goes back by noise and draws again, such as {"times":3,"back":3} (default: not)',
    object().optional(),
  ),
};

/** The fixed part that is asked for, its file read. @throws UsageError */
export async function readFixed(
  { fixed, "fixed-atoms": atoms, attach, resample }: Values<typeof fixedOptions>,
): Promise<FixedAsked | undefined> {
  if (fixed === undefined) {
    const [lone] = Object.keys(given({ "fixed-atoms": atoms, attach, resample }));
    if (lone) throw new UsageError(`--${lone} needs --fixed; got none`);
    return undefined;
  }
  const file = whereFile(fixed), choice = given({ atoms, attach, resample });
  const parsed = file === undefined
    ? json().transform((value) => typeof value === "object" ? { ...value, ...choice } : value).pipe(fixedAsked)
      .safeParse(fixed)
    : fixedAsked.safeParse({ molblock: await Deno.readTextFile(file), ...choice });
  if (!parsed.success) throw new UsageError(`--fixed: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
