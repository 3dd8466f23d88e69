/**
 * The routes as a type, for clients by `hono/client`: what each takes and gives, by status. No value is exported. (Hono's own types take a
 * route's forms other than JSON for JSON, and turn values that a schema leaves open into functions and symbols.)
 */
import type { RouteConfig } from "@hono/zod-openapi";
import type { z } from "zod";
import type { Endpoint } from "./endpoint.ts";
import type { Endpoints } from "./endpoints.ts";

/** The type with nothing left to be worked out. */
export type Plain<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

type Intersection<T> = (T extends unknown ? (one: T) => void : never) extends (all: infer All) => void ? All : never;

/** Those that the OpenAPI document has. */
type Shown<All extends readonly Endpoint[]> = All extends
  readonly [infer First extends Endpoint, ...infer Rest extends readonly Endpoint[]]
  ? First["route"] extends { readonly hide: true } ? Shown<Rest> : First["route"] | Shown<Rest>
  : never;

/** A path as hono has it: `/jobs/:id`. */
type Path<P extends string> = P extends `${infer Start}/{${infer Name}}${infer Rest}` ? `${Start}/:${Name}${Path<Rest>}`
  : P;

/** The forms that a client's `json()` reads: of a route's answers in other forms it reads the text. */
type JsonForm = "application/json" | "application/problem+json";

type Answer<Response> = Response extends { readonly content: infer Content }
  ? Content[keyof Content & JsonForm] extends { readonly schema: infer Schema extends z.ZodType }
    ? { output: z.output<Schema>; outputFormat: "json" }
  : { output: string; outputFormat: "text" }
  : { output: Record<never, never>; outputFormat: string };

/** A status as a number, which as a key may be text. */
type Code<Status> = Status extends `${infer Code extends number}` ? Code : Status;

/** What a request has, under hono's names. */
type Input<Request> =
  & (Request extends { body: { content: { "application/json": { schema: infer Schema extends z.ZodType } } } }
    ? { json: z.input<Schema> }
    : unknown)
  & (Request extends { params: infer Schema extends z.ZodType } ? { param: z.input<Schema> } : unknown)
  & (Request extends { query: infer Schema extends z.ZodType } ? { query: z.input<Schema> } : unknown)
  & (Request extends { headers: infer Schema extends z.ZodType } ? { header: z.input<Schema> } : unknown);

type InputOf<R> = R extends { request: infer Request } ? Input<Request> : Record<never, never>;

type Entry<R> = R extends RouteConfig ? {
    [P in Path<R["path"]>]: {
      [Method in `$${R["method"]}`]: {
        [Status in keyof R["responses"]]: Answer<R["responses"][Status]> & { status: Code<Status>; input: InputOf<R> };
      }[keyof R["responses"]];
    };
  }
  : never;

/** What each route takes and gives, by path, method and status. */
export type AppSchema = Plain<Intersection<Entry<Shown<Endpoints>>>>;
