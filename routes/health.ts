/** GET /health/live and GET /health/ready: probes. */
import { z } from "zod";
import { endpoint, json } from "./endpoint.ts";
import { HttpError, problems } from "./problem.ts";

/** What a probe that is content says. */
const healthSchema = z.strictObject({ status: z.literal("ok") }).meta({ id: "Health" });

/** The process answers. */
export const live = endpoint({
  method: "get",
  path: "/health/live",
  operationId: "live",
  responses: { 200: { description: "Alive", content: json(healthSchema) } },
}, () => (c) => c.json({ status: "ok" as const }, 200));

/** The service can take requests: its models are loaded, and it is not shutting down. */
export const ready = endpoint({
  method: "get",
  path: "/health/ready",
  operationId: "ready",
  responses: {
    200: { description: "Ready", content: json(healthSchema) },
    ...problems({ 503: "Starting or shutting down" }),
  },
}, ({ lifecycle }) => (c) => {
  const { state } = lifecycle, type = "urn:molstep:problem:not-ready";
  if (state === "ready") return c.json({ status: "ok" as const }, 200);
  throw new HttpError(503, "Not ready", `the service is ${state}`, { type }, { "Retry-After": "1" });
});
