/** GET /: what is where. */
import { VERSION } from "../model/models/version.ts";
import { endpoint } from "./endpoint.ts";

/** GET / */
export const index = endpoint(
  { method: "get", path: "/", hide: true, scopes: [], responses: { 200: { description: "What is where" } } },
  () => (c) =>
    c.json(
      {
        name: "Molstep",
        version: VERSION,
        generate: "POST /generate",
        models: "GET /models",
        model: "GET /models/{name}",
        distill: "POST /distill",
        jobs: "GET /jobs",
        campaigns: ["POST /campaigns", "GET /campaigns"],
        health: ["GET /health/live", "GET /health/ready"],
        metrics: "GET /metrics",
        openapi: "GET /openapi.json",
        docs: "GET /docs",
      },
      200,
      { "Cache-Control": "no-cache" },
    ),
);
