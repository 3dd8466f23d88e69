/** Which of the forms on offer a client wants (RFC 9110, section 12.5.1). */
import type { Context, MiddlewareHandler } from "hono";
import { accepts } from "hono/accepts";
import { HttpError, problems } from "./problem.ts";

/** Media ranges of a header, with their weights. */
type Ranges = Parameters<NonNullable<Parameters<typeof accepts>[1]["match"]>>[0];

/** What routes answer to a client that wants none of what they offer. */
export const ACCEPT_PROBLEMS = problems({ 406: "No form on offer is acceptable" });

/** The weight that a header gives to a type: that of the most precise range that names it; 0 where none does. */
function weight(ranges: Ranges, type: string): number {
  for (const names of [[type], [`${type.split("/")[0]}/*`], ["*/*", "*"]]) {
    const range = ranges.find((one) => names.includes(one.type.toLowerCase()));
    if (range) return range.q;
  }
  return 0;
}

/** The type on offer that the client wants most; the first on offer where it has no preference, or wants none of them. */
export function preferred<T extends string>(c: Context, offered: readonly T[]): T {
  const match = (ranges: Ranges): string => {
    const weights = offered.map((type) => weight(ranges, type));
    return offered[weights.indexOf(Math.max(...weights))];
  };
  c.header("Vary", "Accept", { append: true });
  return accepts(c, { header: "Accept", supports: [...offered], default: offered[0], match }) as T;
}

/**
 * The type on offer that the client wants most; the first on offer where it has no preference. Hono reads the header; its own choice
 * does not tell "anything" from "nothing that is on offer". The answer says that it varies.
 *
 * @throws HttpError 406 where it wants none
 */
export function negotiate<T extends string>(c: Context, offered: readonly T[]): T {
  const match = (ranges: Ranges): string => {
    const weights = offered.map((type) => weight(ranges, type)), most = Math.max(...weights);
    if (most > 0) return offered[weights.indexOf(most)];
    throw new HttpError(
      406,
      "Not acceptable",
      `Accept: ${c.req.header("accept")}: none of these is on offer; there are ${offered.join(", ")}`,
    );
  };
  c.header("Vary", "Accept", { append: true });
  return accepts(c, { header: "Accept", supports: [...offered], default: offered[0], match }) as T;
}

/** Refuses clients that want none of these types. */
export const offers = (...types: readonly string[]): MiddlewareHandler => async (c, next) => {
  negotiate(c, types);
  await next();
};
