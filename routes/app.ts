/** The HTTP application: routes, request ids, logs, and errors as problem documents. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { routePath } from "hono/route";
import { ShuttingDownError } from "../model/service/lifecycle.ts";
import { among, clientAddress } from "./clients.ts";
import { compressed } from "./compress.ts";
import { crossOrigin } from "./cors.ts";
import type { Deps, Env } from "./deps.ts";
import type { App } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { HttpError, invalidRequest, problem, toHttpError } from "./problem.ts";
import { traceRequest } from "./tracing.ts";

/** A request id that a client may give. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Paths of probes, which log their requests as `debug` alone. */
const PROBES = /^(\/v1)?\/health\//;

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
    const trace = traceRequest((name) => c.req.header(name)), { method } = c.req;
    c.set("trace", trace);
    await trace.run(next);
    c.header("X-Request-Id", c.get("requestId"));
    c.header("X-Content-Type-Options", "nosniff");
    if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
    const { status } = c.res, probe = PROBES.test(c.req.path), ms = performance.now() - started;
    const route = routeOf(c);
    deps.meters?.request({ method, route, status, seconds: ms / 1000, refusal: c.get("refusal") });
    trace.end({ method, route, status });
    deps.log(status >= 500 && !probe ? "warn" : probe ? "debug" : "info", "request", {
      requestId: c.get("requestId"),
      traceId: trace.traceId,
      method,
      path: c.req.path,
      status,
      address,
      token: c.get("token")?.name,
      ms: Math.round(ms),
    });
  });

  const { corsOrigins } = deps.config;
  if (corsOrigins.length > 0) app.use(crossOrigin(corsOrigins, ENDPOINTS.map(({ route }) => route)));
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

/** The route that answered, with its parameters' names as OpenAPI has them; undefined where only what stands before all routes has seen the request. */
function routeOf(c: Context<Env>): string | undefined {
  const path = routePath(c);
  return path === "/*" || path === "*" ? undefined : path.replace(/:(\w+)/g, "{$1}");
}

function methodNotAllowed(c: Context<Env>, allow: string): Response {
  if (c.req.method === "OPTIONS") return c.body(null, 204, { Allow: allow });
  const detail = `${c.req.method} is not allowed at ${c.req.path}; allowed are ${allow}`;
  return problem(c, new HttpError(405, "Method not allowed", detail, {}, { Allow: allow }));
}
