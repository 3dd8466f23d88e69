/** GET /health/live and GET /health/ready: probes. */
import type { Context } from "hono";
import { z } from "zod";
import type { Deps, Env } from "./deps.ts";
import { HttpError } from "./problem.ts";

/** What a probe that is content says. */
export const healthSchema = z.strictObject({ status: z.literal("ok") }).meta({ id: "Health" });

/** The process answers. */
export function liveRoute(): (c: Context<Env>) => Response {
  return (c) => c.json({ status: "ok" } satisfies z.infer<typeof healthSchema>);
}

/** The service can take requests: its models are loaded, and it is not shutting down. */
export function readyRoute({ lifecycle }: Deps): (c: Context<Env>) => Response {
  return (c) => {
    const { state } = lifecycle;
    if (state !== "ready") {
      const headers = { "Retry-After": "1" };
      throw new HttpError(
        503,
        "Not ready",
        `the service is ${state}`,
        { type: "urn:molstep:problem:not-ready" },
        headers,
      );
    }
    return c.json({ status: "ok" } satisfies z.infer<typeof healthSchema>);
  };
}
