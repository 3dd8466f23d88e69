/** A route: what /openapi.json says of it, and its handler. */
import type { OpenAPIHono, RouteConfig, RouteHandler } from "@hono/zod-openapi";
import type { z } from "zod";
import { guard } from "./access/guard.ts";
import { type Scope, suffices } from "./access/scopes.ts";
import type { Deps, Env } from "./deps.ts";

/** The application that endpoints are mounted on. */
export type App = OpenAPIHono<Env>;

/** What is said of a route. */
export type Described = Omit<RouteConfig, "security"> & {
  /** A token with one of these scopes is asked for; none where there are none. The document's `security` is made of them. */
  readonly scopes: readonly Scope[];
};

/** A route that can be mounted; `routes/endpoints.ts` lists them all. */
export interface Endpoint<R extends Described = Described> {
  readonly route: R;
  mount(app: App, deps: Deps): void;
}

/**
 * Binds a route's description to its handler. Path, query and headers are checked by the description's schemas before the
 * handler is called; bodies by the handler (`body.ts`), as they have a limit. Before all that the guard asks for the route's scope.
 */
export function endpoint<const R extends Described>(
  route: R,
  handler: (deps: Deps, app: App) => RouteHandler<R, Env>,
): Endpoint<R> {
  return {
    route,
    mount(app, deps) {
      const { middleware = [], hide, scopes, ...told } = route as Described;
      const { request: { body: _, ...request } = {} } = told, guards = scopes.length > 0 ? [guard(route, deps)] : [];
      const handle = handler(deps, app) as unknown as RouteHandler<RouteConfig, Env>; // checked above, against this very route
      app.openapi<RouteConfig>({ ...told, request, middleware: [guards, middleware].flat(), hide: true }, handle);
      if (!hide) app.openAPIRegistry.registerPath({ ...told, ...securityOf(scopes, deps.access.open) });
    },
  };
}

/** Scopes as OpenAPI has them: each an alternative, and where they are open an empty one, which is no token. */
const securityOf = (scopes: readonly Scope[], open: readonly Scope[]): Pick<RouteConfig, "security"> => {
  if (scopes.length === 0) return {};
  return { security: [...suffices(open, scopes) ? [{}] : [], ...scopes.map((scope) => ({ token: [scope] }))] };
};

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
