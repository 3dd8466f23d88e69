/**
 * A typed client of the service, by `hono/client`: paths, bodies, and answers by status are those of the routes. This file, `schema.ts` beside it, and
 * the package `hono` are all that it needs.
 */
import type { Hono } from "hono";
import { type ClientRequestOptions, hc } from "hono/client";
import type { Schema } from "./schema.ts";

/** The service as `hc` of `hono/client` takes it: `hc<AppType>("http://localhost:8000")`. */
// deno-lint-ignore no-explicit-any -- a client knows nothing of the service's own environment
export type AppType = Hono<any, Schema, "/">;

/** A client: `client.generate.$post`, `client.models[":name"].$get`, `client.jobs.$get`, and so on. */
export type Molstep = ReturnType<typeof hc<AppType>>;

/** How a client talks. */
export interface MolstepOptions {
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  /** In place of the global `fetch`: `app.request`, or one that tries again. */
  readonly fetch?: ClientRequestOptions["fetch"];
}

/**
 * A client of the service at this address.
 *
 * @example
 * ```ts ignore
 * const response = await molstep("http://localhost:8000").generate.$post({ json: { count: 8, steps: 16, seed: 1 } });
 * if (!response.ok) throw new Error((await response.json()).detail);
 * for (const { smiles } of (await response.json()).molecules) console.log(smiles);
 * ```
 */
export function molstep(url: string, { token, fetch }: MolstepOptions = {}): Molstep {
  return hc<AppType>(url, {
    ...(fetch && { fetch }),
    ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
  });
}
