/** Pages of other origins that may ask the service (the Fetch standard's CORS protocol). */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { Described } from "./endpoint.ts";

/** Headers that such a page may send, beside those that every page may. */
const TAKEN = [
  "Authorization",
  "Content-Type",
  "If-None-Match",
  "Last-Event-ID",
  "traceparent",
  "tracestate",
  "X-Request-Id",
];

/** Headers of any answer that such a page may read. */
const SHOWN = ["ETag", "Retry-After", "WWW-Authenticate", "X-Request-Id"];

/** How long a browser may remember a preflight's answer, s. */
const REMEMBERED = 600;

/**
 * Answers preflights and marks answers for pages of these origins. Never for any origin, and never with credentials of the browser: a token is sent by
 * the page itself, in `Authorization`. Plain OPTIONS goes on to the route.
 *
 * @param routes whose methods, and headers of answers, are allowed
 */
export function crossOrigin(origins: readonly string[], routes: readonly Described[]): MiddlewareHandler {
  const methods = routes.map(({ method }) => method.toUpperCase());
  const told = routes.flatMap(({ responses }) =>
    Object.values(responses).flatMap((one) => "headers" in one && one.headers ? Object.keys(one.headers) : [])
  );
  const handle = cors({
    origin: [...origins],
    allowMethods: [...new Set([...methods, "HEAD"])],
    allowHeaders: TAKEN,
    exposeHeaders: [...new Set([...SHOWN, ...told])],
    maxAge: REMEMBERED,
  });
  return (c, next) => {
    const plain = c.req.method === "OPTIONS" && !c.req.header("access-control-request-method");
    return plain ? next() as Promise<void> : handle(c, next);
  };
}
