/** The HTTP application: routes, request ids, logs, and errors as problem documents. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ShuttingDownError } from "../model/service/lifecycle.ts";
import { among, clientAddress } from "./clients.ts";
import { compressed } from "./compress.ts";
import type { Deps, Env } from "./deps.ts";
import type { App } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { HttpError, invalidRequest, problem, toHttpError } from "./problem.ts";

/** A request id that a client may give. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The application. Nothing listens yet: pass `app.fetch` to a server, or call `app.request()`. */
export function createApp(deps: Deps): App {
  const app = new OpenAPIHono<Env>({
    defaultHook(result) {
      if (!result.success) throw invalidRequest(result.error);
    },
  });

  const trusted = among(deps.config.trustedProxies);
  app.use(async (c, next) => {
    const given = c.req.header("x-request-id"), started = performance.now(), peer = c.env?.address;
    const address = peer === undefined ? undefined : clientAddress(peer, c.req.header("x-forwarded-for"), trusted);
    c.set("address", address);
    c.set("requestId", given && REQUEST_ID.test(given) ? given : crypto.randomUUID());
    await next();
    c.header("X-Request-Id", c.get("requestId"));
    c.header("X-Content-Type-Options", "nosniff");
    if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
    const { status } = c.res, probe = /^(\/v1)?\/health\//.test(c.req.path);
    deps.log(status >= 500 && !probe ? "warn" : probe ? "debug" : "info", "request", {
      requestId: c.get("requestId"),
      method: c.req.method,
      path: c.req.path,
      status,
      address,
      ms: Math.round(performance.now() - started),
    });
  });

  app.use(compressed);

  app.onError((error, c) => {
    const known = toHttpError(error);
    if (known?.status === 507) {
      deps.log("error", "data directory", { requestId: c.get("requestId"), error: String(error.cause) });
    }
    if (known) return problem(c, known);
    if (c.req.raw.signal.aborted) {
      return problem(c, new HttpError(499 as 400, "Client closed request", "the client went away"));
    }
    if (deps.lifecycle.signal.aborted) return problem(c, toHttpError(new ShuttingDownError())!);
    deps.log("error", "fault", { requestId: c.get("requestId"), error: String(error), stack: error.stack });
    return problem(c, new HttpError(500, "Internal error", "the service failed; the log has the details"));
  });

  for (const one of ENDPOINTS) one.mount(app, deps);
  const methods = Map.groupBy(ENDPOINTS, ({ route }) => route.path.replace(/{(\w+)}/g, ":$1"));
  for (const [path, endpoints] of methods) {
    const allowed = endpoints.flatMap(({ route: { method } }) =>
      method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]
    );
    app.all(path, (c) => methodNotAllowed(c, [...allowed, "OPTIONS"].join(", ")));
  }
  app.notFound((c) => {
    const detail = `there is nothing at ${c.req.path}; there are ${[...methods.keys()].join(", ")}`;
    return problem(c, new HttpError(404, "Not found", detail));
  });
  return app;
}

function methodNotAllowed(c: Context<Env>, allow: string): Response {
  if (c.req.method === "OPTIONS") return c.body(null, 204, { Allow: allow });
  const detail = `${c.req.method} is not allowed at ${c.req.path}; allowed are ${allow}`;
  return problem(c, new HttpError(405, "Method not allowed", detail, {}, { Allow: allow }));
}
