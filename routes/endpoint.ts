/** A route: what /openapi.json says of it, and its handler. */
import type { OpenAPIHono, RouteConfig, RouteHandler } from "@hono/zod-openapi";
import type { z } from "zod";
import { admin, ADMIN_PROBLEMS } from "./admin.ts";
import type { Deps, Env } from "./deps.ts";
import { named } from "./json_schema.ts";

/** The application that endpoints are mounted on. */
export type App = OpenAPIHono<Env>;

/** A route that can be mounted; `routes/endpoints.ts` lists them all. */
export interface Endpoint {
  readonly route: RouteConfig;
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
): Endpoint {
  return {
    route,
    mount(app, deps) {
      const guard = route.security ? [admin(deps.config.adminToken)] : [];
      const middleware = [...guard, ...[route.middleware ?? []].flat()];
      const handle = handler(deps, app) as unknown as RouteHandler<RouteConfig, Env>; // checked above, against this very route
      app.openapi<RouteConfig>({ ...described(route, app), middleware }, handle);
    },
  };
}

/** Content of this schema as JSON. */
export const json = <T extends z.ZodType>(schema: T) => ({ "application/json": { schema } });

/** The route with its schemas as references to components, and with what all routes of the administrator answer. */
function described({ request, responses, ...route }: RouteConfig, { openAPIRegistry }: App): RouteConfig {
  const component = named(openAPIRegistry);
  const contentOf = <T extends object>(content: T, io: "input" | "output"): T =>
    Object.fromEntries(
      Object.entries(content).map(([type, { schema }]) => [type, { schema: component(schema, io) }]),
    ) as T;
  const all = { ...responses, ...(route.security && ADMIN_PROBLEMS) };
  return {
    ...route,
    request: request?.body
      ? { ...request, body: { ...request.body, content: contentOf(request.body.content, "input") } }
      : request,
    responses: Object.fromEntries(
      Object.entries(all).map(([status, one]) => [
        status,
        "content" in one && one.content ? { ...one, content: contentOf(one.content, "output") } : one,
      ]),
    ),
  };
}
