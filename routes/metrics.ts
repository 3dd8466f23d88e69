/** GET /metrics: what is measured, for Prometheus. */
import { Registry } from "prom-client";
import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { HttpError, problems } from "./problem.ts";

/** Prometheus' text format, which whoever scrapes takes, whatever it says in Accept. */
const TEXT_FORMAT = Registry.PROMETHEUS_CONTENT_TYPE;

/** GET /metrics */
export const metrics = endpoint({
  method: "get",
  path: "/metrics",
  operationId: "metrics",
  scopes: ["read"],
  summary: "Metrics, in Prometheus' text format",
  responses: {
    200: { description: "Every metric; docs/metrics.md has them", content: { [TEXT_FORMAT]: { schema: z.string() } } },
    ...problems({ 404: "The service has MOLSTEP_METRICS=off" }),
  },
}, ({ meters }) => async (c) => {
  if (!meters) throw new HttpError(404, "Not found", "the service measures nothing: MOLSTEP_METRICS is off");
  return c.text(await meters.text(), 200, { "Content-Type": TEXT_FORMAT });
});
