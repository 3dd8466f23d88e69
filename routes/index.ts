/** GET /: what is where; for browsers the page. */
import { VERSION } from "../model/models/version.ts";
import { endpoint } from "./endpoint.ts";
import { preferred } from "./negotiate.ts";
import { sendPage } from "./page/page.ts";
import { UNCHANGED, unchanged } from "./unchanged.ts";

const INDEX = {
  name: "Molstep",
  version: VERSION,
  generate: "POST /generate",
  models: "GET /models",
  model: "GET /models/{name}",
  distill: "POST /distill",
  path: "POST /generate/path",
  jobs: "GET /jobs",
  campaigns: ["POST /campaigns", "GET /campaigns"],
  health: ["GET /health/live", "GET /health/ready"],
  metrics: "GET /metrics",
  openapi: "GET /openapi.json",
  docs: "GET /docs",
};

/** GET /: the page where HTML is preferred, as by browsers; else JSON. */
export const index = endpoint(
  {
    method: "get",
    path: "/",
    hide: true,
    scopes: [],
    middleware: unchanged,
    responses: { 200: { description: "What is where" }, ...UNCHANGED },
  },
  () => (c) => {
    if (preferred(c, ["application/json", "text/html"]) === "text/html") return sendPage(c);
    return c.json(INDEX, 200, { "Cache-Control": "no-cache" });
  },
);
