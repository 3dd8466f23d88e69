/** GET /health/live and GET /health/ready: probes. */
import { z } from "zod";
import type { Lifecycle } from "../model/service/lifecycle.ts";
import { endpoint, json } from "./endpoint.ts";
import { HttpError, problems } from "./problem.ts";

/** What a probe that is content says. */
const healthSchema = z.strictObject({
  status: z.literal("ok"),
  readOnly: z.string().optional().describe(
    "Why nothing is written in the data directory: another service has it, or it cannot be. Generation works",
  ),
}).meta({ id: "Health" });

const content = ({ readOnly }: Lifecycle): z.infer<typeof healthSchema> => ({
  status: "ok",
  ...readOnly && { readOnly },
});

/** @throws HttpError 503 where the service is not ready */
export function checkReady({ state }: Lifecycle): void {
  if (state === "ready") return;
  const type = "urn:molstep:problem:not-ready";
  throw new HttpError(503, "Not ready", `the service is ${state}`, { type }, { "Retry-After": "1" });
}

/** The process answers. */
export const live = endpoint({
  method: "get",
  path: "/health/live",
  operationId: "live",
  scopes: [],
  responses: { 200: { description: "Alive", content: json(healthSchema) } },
}, ({ lifecycle }) => (c) => c.json(content(lifecycle), 200));

/** The service can take requests: its models are loaded, and it is not shutting down. */
export const ready = endpoint({
  method: "get",
  path: "/health/ready",
  operationId: "ready",
  scopes: [],
  responses: {
    200: { description: "Ready", content: json(healthSchema) },
    ...problems({ 503: "Starting or shutting down" }),
  },
}, ({ lifecycle }) => (c) => {
  checkReady(lifecycle);
  return c.json(content(lifecycle), 200);
});
