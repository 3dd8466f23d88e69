/** Asks for a token's scope before a route, by RFC 6750, and keeps a record of what administrators do. */
import type { Context, MiddlewareHandler } from "hono";
import { hostOf } from "../clients.ts";
import type { Deps, Env } from "../deps.ts";
import { HttpError, problems } from "../problem.ts";
import type { Identity } from "./access.ts";
import { type Scope, suffices } from "./scopes.ts";

/** What routes that ask for a scope answer to those who lack it. */
export const ACCESS_PROBLEMS = problems({
  401: "A token is asked; none is given, or it is not known or has expired",
  403: "The token lacks the scope, or the service was started without tokens",
  429: "This client has given too many tokens that are not known; see Retry-After",
});

/** A route, as far as it is guarded. */
interface Guarded {
  readonly method: string;
  readonly path: string;
  readonly operationId?: string;
  /** One of these is asked; where there are none, nothing is. */
  readonly scopes: readonly Scope[];
}

const addressOf = (c: Context<Env>) => {
  const address = c.get("address");
  return address && hostOf(address);
};

/** Who a request is from, for shares of the service: the name of its token, else its address. */
export const clientOf = (c: Context<Env>): string | undefined => c.get("token")?.name ?? addressOf(c);

/** The challenge of a refusal (RFC 6750, section 3). */
function challenge(error?: "invalid_token" | "insufficient_scope", scope?: Scope): Record<string, string> {
  const more = { ...error && { error }, ...scope && { scope } };
  const parameters = Object.entries({ realm: "molstep", ...more }).map(([name, value]) => `${name}="${value}"`);
  return { "WWW-Authenticate": `Bearer ${parameters.join(", ")}` };
}

const type = (kind: string) => ({ type: `urn:molstep:problem:${kind}` });

/** The answer to whoever is not let in. */
function refusal(identity: Identity, { method, path, scopes }: Guarded): HttpError {
  const asked = `${method.toUpperCase()} ${path} asks for a token of scope ${scopes.join(" or ")}`;
  switch (identity.kind) {
    case "holder": {
      const { name, scopes: held } = identity.holder, detail = `${asked}; the token ${name} has ${held.join(", ")}`;
      return new HttpError(
        403,
        "Scope lacking",
        detail,
        type("insufficient-scope"),
        challenge("insufficient_scope", scopes[0]),
      );
    }
    case "absent":
      return new HttpError(401, "Not authorised", `${asked} in Authorization: Bearer; none is given`, {}, challenge());
    case "unknown":
      return new HttpError(
        401,
        "Not authorised",
        `${asked}; the one given is not known`,
        {},
        challenge("invalid_token"),
      );
    case "expired": {
      const detail = `${asked}; the token ${identity.name} has expired on ${identity.expires}`;
      return new HttpError(401, "Not authorised", detail, {}, challenge("invalid_token"));
    }
    case "tooMany": {
      const { retryAfter } = identity;
      const detail = `${asked}; this client has given too many that are not known; try again in ${retryAfter} s`;
      return new HttpError(429, "Too many failures", detail, type("too-many-failures"), {
        "Retry-After": String(retryAfter),
      });
    }
  }
}

/** The answer of a service that knows no tokens. */
function noTokens({ method, path, scopes }: Guarded): HttpError {
  const open = scopes.includes("admin") ? "" : `, or open it by MOLSTEP_OPEN_SCOPES=${scopes[0]}`;
  const detail =
    `${method.toUpperCase()} ${path} asks for a token of scope ${scopes.join(" or ")}, and this service knows none: ` +
    `start it with MOLSTEP_TOKENS or MOLSTEP_ADMIN_TOKEN set to use this route${open}`;
  return new HttpError(403, "No tokens", detail, type("no-tokens"));
}

/** Lets those in who have a scope that the route asks for, and those without where it is open. A token that is not known is then none. */
export function guard(route: Guarded, { access, log }: Pick<Deps, "access" | "log">): MiddlewareHandler<Env> {
  const open = suffices(access.open, route.scopes), administers = route.scopes.includes("admin");
  return async (c, next) => {
    if (!open && !access.hasTokens) throw noTokens(route);
    const identity = access.identify(c.req.header("authorization"), addressOf(c) ?? "");
    if (identity.kind === "holder") c.set("token", { name: identity.holder.name });
    const about = {
      requestId: c.get("requestId"),
      token: c.get("token")?.name ?? (identity.kind === "expired" ? identity.name : undefined),
      act: route.operationId,
      method: c.req.method,
      path: c.req.path,
      address: c.get("address"),
    };
    if (!open && !(identity.kind === "holder" && suffices(identity.holder.scopes, route.scopes))) {
      // Over the limit the line of the request is enough: nobody fills the log by guessing.
      const why = identity.kind === "holder" ? "scope" : identity.kind;
      if (why !== "absent" && why !== "tooMany") log("warn", "token refused", { ...about, why });
      throw refusal(identity, route);
    }
    await next();
    if (administers) log("info", "audit", { ...about, job: c.get("job") ?? c.req.param("id"), status: c.res.status });
  };
}
