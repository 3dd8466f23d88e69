/** Which of the forms on offer a client wants (RFC 9110, section 12.5.1). */
import type { Context } from "hono";
import { HttpError } from "./problem.ts";

interface Wish {
  readonly type: string;
  readonly quality: number;
}

/** The media ranges of an Accept header with their weights. */
function wishes(header: string): Wish[] {
  return header.split(",").map((part) => {
    const [type, ...parameters] = part.trim().toLowerCase().split(/\s*;\s*/);
    const weight = parameters.map((p) => /^q\s*=\s*([\d.]+)$/.exec(p)?.[1]).find((q) => q !== undefined);
    return { type, quality: weight === undefined ? 1 : Number(weight) };
  }).filter(({ type }) => type !== "");
}

/** How well a wish names a type: 2 exactly, 1 by `type/*`, 0 by any; undefined not at all. */
function precision(wish: string, type: string): number | undefined {
  if (wish === type) return 2;
  if (wish === `${type.split("/")[0]}/*`) return 1;
  return wish === "*/*" || wish === "*" ? 0 : undefined;
}

/** The weight that a header gives to a type: that of the most precise range that names it. */
function quality(list: readonly Wish[], type: string): number {
  let best = -1, weight = 0;
  for (const wish of list) {
    const precise = precision(wish.type, type);
    if (precise !== undefined && precise > best) [best, weight] = [precise, wish.quality];
  }
  return weight;
}

/**
 * The type on offer that the client wants most; the first on offer where it has no preference.
 *
 * @throws HttpError 406 where it wants none
 */
export function negotiate<T extends string>(c: Context, offered: readonly T[]): T {
  const header = c.req.header("accept");
  if (header === undefined || header.trim() === "") return offered[0];
  const list = wishes(header);
  let best = offered[0], most = 0;
  for (const type of offered) {
    const weight = quality(list, type);
    if (weight > most) [best, most] = [type, weight];
  }
  if (most > 0) return best;
  throw new HttpError(
    406,
    "Not acceptable",
    `Accept: ${header}: none of these is on offer; there are ${offered.join(", ")}`,
  );
}
