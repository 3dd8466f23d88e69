/** A route: what /openapi.json says of it, and its handler. */
import type { OpenAPIHono, RouteConfig, RouteHandler } from "@hono/zod-openapi";
import type { z } from "zod";
import { admin } from "./admin.ts";
import type { Deps, Env } from "./deps.ts";

/** The application that endpoints are mounted on. */
export type App = OpenAPIHono<Env>;

/** A route that can be mounted; `routes/endpoints.ts` lists them all. */
export interface Endpoint<R extends RouteConfig = RouteConfig> {
  readonly route: R;
  mount(app: App, deps: Deps): void;
}

/**
 * Binds a route's description to its handler. Path, query and headers are checked by the description's schemas before the
 * handler is called; bodies by the handler (`body.ts`), as they have a limit. A route with `security` asks for the
 * administrator's token first.
 */
export function endpoint<const R extends RouteConfig>(
  route: R,
  handler: (deps: Deps, app: App) => RouteHandler<R, Env>,
): Endpoint<R> {
  return {
    route,
    mount(app, deps) {
      const { middleware = [], request: { body: _, ...request } = {} } = route as RouteConfig;
      const guard = route.security ? [admin(deps.config.adminToken)] : [];
      const handle = handler(deps, app) as unknown as RouteHandler<RouteConfig, Env>; // checked above, against this very route
      app.openapi<RouteConfig>({ ...route, request, middleware: [guard, middleware].flat(), hide: true }, handle);
      if (!route.hide) app.openAPIRegistry.registerPath(route);
    },
  };
}

/** Examples of a body by what they show. */
export type Examples = Readonly<Record<string, unknown>>;

/** Content of this schema as JSON. */
export const json = <T extends z.ZodType>(schema: T, examples?: Examples) => ({
  "application/json": { schema, ...exampled(examples) },
});

/** Examples as the OpenAPI document has them. */
export const exampled = (examples: Examples | undefined) =>
  examples && {
    examples: Object.fromEntries(Object.entries(examples).map(([summary, value]) => [summary, { summary, value }])),
  };
