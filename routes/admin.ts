/** Who may administer the service: whoever has the token that it was configured with. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import type { Env } from "./deps.ts";
import { HttpError, problems } from "./problem.ts";

/** What all routes of the administrator answer to others. */
export const ADMIN_PROBLEMS = problems({
  401: "The administrator's token is asked",
  403: "The service has no administrator: MOLSTEP_ADMIN_TOKEN is not set",
});

const digest = (text: string) => createHash("sha256").update(text).digest();

const bearer = (header: string | undefined) => /^bearer +([^\s]+) *$/i.exec(header ?? "")?.[1];

/**
 * Says whether an `Authorization` header has this token; none does where it is undefined. Digests are compared, in constant time, so
 * that neither the token's text nor its length can be guessed from how long the answer takes.
 */
export function authorises(token: string | undefined): (header: string | undefined) => boolean {
  const expected = token === undefined ? undefined : digest(token);
  return (header) => {
    const given = bearer(header);
    return expected !== undefined && given !== undefined && timingSafeEqual(digest(given), expected);
  };
}

/** Guards a route: 403 where no token is configured, 401 where the request has not `Authorization: Bearer` with it. */
export function admin(token: string | undefined): MiddlewareHandler<Env> {
  const authorised = authorises(token);
  return async (c, next) => {
    if (token === undefined) {
      throw new HttpError(
        403,
        "No administration",
        "this service has no administrator: start it with MOLSTEP_ADMIN_TOKEN set to use this route",
        { type: "urn:molstep:problem:no-administration" },
      );
    }
    const header = c.req.header("authorization");
    if (!authorised(header)) {
      const detail = header === undefined
        ? "Authorization: Bearer, with the service's MOLSTEP_ADMIN_TOKEN, is asked; none is given"
        : "the token given in Authorization is not the service's MOLSTEP_ADMIN_TOKEN, or is not given as Bearer";
      const challenge = header === undefined ? "Bearer" : 'Bearer error="invalid_token"';
      throw new HttpError(401, "Not authorised", detail, {}, { "WWW-Authenticate": challenge });
    }
    await next();
  };
}
