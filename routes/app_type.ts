/** The application as a type, for clients by `hono/client`: what each route takes and gives, by status. No value is exported. */
import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import type { Env } from "./deps.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Endpoints } from "./endpoints.ts";

/** The forms that a client's `json()` reads: of a route's answers in other forms it reads the text. */
type JsonForm = "application/json" | "application/problem+json";

type OnlyJson<Response> = Response extends { readonly content: infer Content }
  ? [keyof Content & JsonForm] extends [never] ? Response
  : Omit<Response, "content"> & { content: Pick<Content, keyof Content & JsonForm> }
  : Response;

/** The route, as hono's types for clients want it. */
type Told<R extends RouteConfig> = Omit<R, "responses"> & {
  responses: { [Status in keyof R["responses"]]: OnlyJson<R["responses"][Status]> };
};

/** Those that the OpenAPI document has. */
type Shown<All extends readonly Endpoint[]> = All extends
  readonly [infer First extends Endpoint, ...infer Rest extends readonly Endpoint[]]
  ? First["route"] extends { readonly hide: true } ? Shown<Rest>
  : [{ route: Told<First["route"]>; handler: never }, ...Shown<Rest>]
  : [];

declare const app: OpenAPIHono<Env>;

/** What `hc` of `hono/client` takes: `hc<AppType>("http://localhost:8000")`. */
export type AppType = ReturnType<typeof app.openapiRoutes<Shown<Endpoints>>>;
