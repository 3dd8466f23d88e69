/** What the head of a request says of its body: its type, its coding and its length. */
import type { Context } from "hono";
import { HttpError } from "./problem.ts";

/** What a route takes. */
export interface TakenBody {
  /** Media types, the first of which errors recommend. */
  readonly types: readonly string[];
  /** Types that are taken, too, though not named. */
  readonly isOther?: (type: string) => boolean;
  /** Content codings beside none (RFC 9110, section 8.4). */
  readonly codings?: readonly string[];
  /** Most bytes. */
  readonly most: number;
  /** What is sent, in words. */
  readonly what: string;
}

/** Names in words: `a, b or c`. */
const or = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;

/** What a body may not be longer than. */
export const tooLong = ({ what, most }: Pick<TakenBody, "what" | "most">): HttpError =>
  new HttpError(413, "Body too long", `the ${what} may have at most ${most} bytes`);

/**
 * Looks at the head alone; what is sent may be longer than it says.
 *
 * @throws HttpError 415 where the body is said to be of another type or coding (RFC 7694), 413 where it is said to be longer than it may
 */
export function checkHead(c: Context, taken: TakenBody): void {
  const { types, isOther, codings = [], most } = taken;
  const type = (c.req.header("content-type") ?? "").split(";")[0].trim().toLowerCase();
  if (!types.includes(type) && !isOther?.(type)) {
    const message = `Content-Type must be ${or(types)}; got ${type || "none"}`;
    throw new HttpError(415, "Unsupported media type", message, {}, { "Accept-Post": types.join(", ") });
  }
  const coding = c.req.header("content-encoding")?.trim().toLowerCase() || "identity";
  if (coding !== "identity" && !codings.includes(coding)) {
    const message = `Content-Encoding must be ${or([...codings, "identity", "absent"])}; got ${coding}`;
    const accept = [...codings, "identity"].join(", ");
    throw new HttpError(415, "Unsupported content coding", message, {}, { "Accept-Encoding": accept });
  }
  if (Number(c.req.header("content-length") ?? 0) > most) throw tooLong(taken);
}
