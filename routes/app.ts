/** The HTTP application: routes, request ids, logs, and errors as problem documents. */
import { type Context, Hono } from "hono";
import { admin } from "./admin.ts";
import type { Deps, Env } from "./deps.ts";
import { distillRoute } from "./distill.ts";
import { generateRoute } from "./generate.ts";
import { liveRoute, readyRoute } from "./health.ts";
import { cancelRoute, jobRoute, jobsRoute, resumeRoute } from "./jobs.ts";
import { jobEventsRoute } from "./jobs_events.ts";
import { modelRoute, modelsRoute } from "./models.ts";
import { openapi } from "./openapi.ts";
import { HttpError, problem, toHttpError } from "./problem.ts";
import { stepsRoute } from "./steps.ts";
import { VERSION } from "../model/models/version.ts";

/** A request id that a client may give. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The application. Nothing listens yet: pass `app.fetch` to a server, or call `app.request()`. */
export function createApp(deps: Deps): Hono<Env> {
  const app = new Hono<Env>();

  app.use(async (c, next) => {
    const given = c.req.header("x-request-id"), started = performance.now();
    c.set("requestId", given && REQUEST_ID.test(given) ? given : crypto.randomUUID());
    await next();
    c.header("X-Request-Id", c.get("requestId"));
    c.header("X-Content-Type-Options", "nosniff");
    if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
    const { status } = c.res, probe = c.req.path.startsWith("/health/");
    deps.log(status >= 500 && !probe ? "warn" : probe ? "debug" : "info", "request", {
      requestId: c.get("requestId"),
      method: c.req.method,
      path: c.req.path,
      status,
      ms: Math.round(performance.now() - started),
    });
  });

  app.onError((error, c) => {
    const known = toHttpError(error);
    if (known) return problem(c, known);
    if (c.req.raw.signal.aborted) {
      return problem(c, new HttpError(499 as 400, "Client closed request", "the client went away"));
    }
    if (deps.lifecycle.signal.aborted) {
      return problem(
        c,
        new HttpError(503, "Shutting down", "the service is shutting down", {}, { "Retry-After": "5" }),
      );
    }
    deps.log("error", "fault", { requestId: c.get("requestId"), error: String(error), stack: error.stack });
    return problem(c, new HttpError(500, "Internal error", "the service failed; the log has the details"));
  });

  const guarded = admin(deps.config.adminToken);
  const routes: Record<string, Record<string, (c: Context<Env>) => Response | Promise<Response>>> = {
    "/": { GET: indexRoute() },
    "/openapi.json": { GET: openapiRoute() },
    "/health/live": { GET: liveRoute() },
    "/health/ready": { GET: readyRoute(deps) },
    "/models": { GET: modelsRoute(deps) },
    "/models/:name": { GET: modelRoute(deps) },
    "/models/:name/steps/:steps": { DELETE: guarded(stepsRoute(deps)) },
    "/generate": { POST: generateRoute(deps) },
    "/distill": { POST: guarded(distillRoute(deps)) },
    "/jobs": { GET: guarded(jobsRoute(deps)) },
    "/jobs/:id": { GET: guarded(jobRoute(deps)), DELETE: guarded(cancelRoute(deps)) },
    "/jobs/:id/events": { GET: guarded(jobEventsRoute(deps)) },
    "/jobs/:id/resume": { POST: guarded(resumeRoute(deps)) },
  };
  for (const [path, handlers] of Object.entries(routes)) {
    for (const [method, handler] of Object.entries(handlers)) app.on(method, path, handler);
    const allowed = Object.keys(handlers).flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
    app.all(path, (c) => methodNotAllowed(c, [...allowed, "OPTIONS"].join(", ")));
  }
  app.notFound((c) => {
    const detail = `there is nothing at ${c.req.path}; there are ${Object.keys(routes).join(", ")}`;
    return problem(c, new HttpError(404, "Not found", detail));
  });
  return app;
}

function methodNotAllowed(c: Context<Env>, allow: string): Response {
  if (c.req.method === "OPTIONS") return c.body(null, 204, { Allow: allow });
  const detail = `${c.req.method} is not allowed at ${c.req.path}; allowed are ${allow}`;
  return problem(c, new HttpError(405, "Method not allowed", detail, {}, { Allow: allow }));
}

/** GET /: what is where. */
function indexRoute(): (c: Context<Env>) => Response {
  return (c) =>
    c.json(
      {
        name: "Molstep",
        version: VERSION,
        generate: "POST /generate",
        models: "GET /models",
        model: "GET /models/{name}",
        distill: "POST /distill",
        jobs: "GET /jobs",
        health: ["GET /health/live", "GET /health/ready"],
        openapi: "GET /openapi.json",
      },
      200,
      { "Cache-Control": "no-cache" },
    );
}

/** GET /openapi.json, made once, at the first call. */
function openapiRoute(): (c: Context<Env>) => Response {
  let document: Record<string, unknown> | undefined;
  return (c) => c.json(document ??= openapi(VERSION), 200, { "Cache-Control": "public, max-age=3600" });
}
