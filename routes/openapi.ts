/** GET /openapi.json: the service described (OpenAPI 3.1), from what each route says of itself. */
import { VERSION } from "../model/models/version.ts";
import type { RouteConfig } from "@hono/zod-openapi";
import type { z } from "zod";
import { ACCESS_PROBLEMS } from "./access/guard.ts";
import { SCOPE_WORDS } from "./access/scopes.ts";
import { type App, endpoint } from "./endpoint.ts";
import { type Content, named } from "./json_schema.ts";
import { UNCHANGED, unchanged } from "./unchanged.ts";

/** The route with its schemas as references to components, and with what all routes that ask for a token answer. */
function complete(
  { request, responses, security, ...route }: RouteConfig,
  component: ReturnType<typeof named>,
): RouteConfig {
  const contentOf = (content: Content, io: "input" | "output"): Content =>
    mapped(content, (media) => ({ ...media, schema: component((media as { schema: z.ZodType }).schema, io) }));
  const closed = security?.every((one) => Object.keys(one).length > 0);
  const all: RouteConfig["responses"] = { ...(closed && ACCESS_PROBLEMS), ...responses };
  return {
    tags: [route.path.split("/")[1]],
    ...route,
    ...(security && { security }),
    request: request?.body
      ? { ...request, body: { ...request.body, content: contentOf(request.body.content, "input") } }
      : request,
    responses: mapped(
      all,
      (one) => "content" in one && one.content ? { ...one, content: contentOf(one.content, "output") } : one,
    ),
  };
}

const mapped = <T extends object>(values: T, work: (value: T[keyof T]) => T[keyof T]): T =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, work(value)])) as T;

/** The description of the routes that are mounted. */
function describe({ openAPIRegistry, getOpenAPI31Document }: App) {
  const component = named(openAPIRegistry);
  for (const one of [...openAPIRegistry.definitions]) {
    if (one.type === "route") Object.assign(one, { route: complete(one.route, component) });
  }
  openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description: `A token of one of the scopes that a route names. ${
      Object.entries(SCOPE_WORDS).map(([scope, words]) => `\`${scope}\`: ${words}`).join(". ")
    }.`,
  });
  return getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "Molstep", version: VERSION, description: "3D molecules in few steps.", license: { name: "MIT" } },
  });
}

/** GET /openapi.json, made once, at the first call. */
export const openapi = endpoint(
  {
    method: "get",
    path: "/openapi.json",
    hide: true,
    scopes: [],
    middleware: unchanged,
    responses: { 200: { description: "This service, described" }, ...UNCHANGED },
  },
  (_, app) => {
    let document: ReturnType<typeof describe> | undefined;
    return (c) => c.json({ ...document ??= describe(app) }, 200, { "Cache-Control": "public, max-age=3600" });
  },
);
