/** POST /distill: begins a round of distillation, as a job. */
import type { Context } from "hono";
import { roundOrder } from "../model/distillation/order.ts";
import { BusyError } from "../model/service/jobs/supervisor.ts";
import { readJson } from "./body.ts";
import type { Deps, Env } from "./deps.ts";
import { describeJob } from "./jobs_schema.ts";
import { HttpError } from "./problem.ts";

/** The handler. 202 with the job, which `Location` names. */
export function distillRoute({ jobs, config, lifecycle }: Deps): (c: Context<Env>) => Promise<Response> {
  return async (c) => {
    const order = await readJson(c, roundOrder, config.maxBodyBytes);
    refuseWhenDraining(lifecycle);
    if (jobs.supervisor.current) throw new BusyError(jobs.supervisor.current.id);
    const job = await jobs.supervisor.submit(await jobs.plan(order));
    return c.json(describeJob(job), 202, { Location: `/jobs/${job.id}` });
  };
}

/** @throws HttpError 503 where the service is shutting down */
export function refuseWhenDraining({ state }: Deps["lifecycle"]): void {
  if (state !== "draining") return;
  throw new HttpError(503, "Shutting down", "the service is shutting down", {}, { "Retry-After": "5" });
}
