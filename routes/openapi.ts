/** GET /openapi.json: the service described (OpenAPI 3.1), from what each route says of itself. */
import { VERSION } from "../model/models/version.ts";
import { type App, endpoint } from "./endpoint.ts";

/** The description of the routes that are mounted. */
function describe({ openAPIRegistry, getOpenAPI31Document }: App) {
  openAPIRegistry.registerComponent("securitySchemes", "administrator", { type: "http", scheme: "bearer" });
  return getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "Molstep", version: VERSION, description: "3D molecules in few steps.", license: { name: "MIT" } },
  });
}

/** GET /openapi.json, made once, at the first call. */
export const openapi = endpoint(
  { method: "get", path: "/openapi.json", hide: true, responses: { 200: { description: "This service, described" } } },
  (_, app) => {
    let document: ReturnType<typeof describe> | undefined;
    return (c) => c.json({ ...document ??= describe(app) }, 200, { "Cache-Control": "public, max-age=3600" });
  },
);
