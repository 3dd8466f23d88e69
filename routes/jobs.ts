/** GET /jobs, GET and DELETE /jobs/{id}, POST /jobs/{id}/resume. */
import type { Context } from "hono";
import type { z } from "zod";
import type { Deps, Env } from "./deps.ts";
import { refuseWhenDraining } from "./distill.ts";
import { describeDetail, describeJob, jobDetail, jobList, pageQuery } from "./jobs_schema.ts";
import { negotiate } from "./negotiate.ts";
import { invalidRequest } from "./problem.ts";

/** GET /jobs: newest first. */
export function jobsRoute({ jobs: { store } }: Deps): (c: Context<Env>) => Response {
  return (c) => {
    negotiate(c, ["application/json"]);
    const query = pageQuery.safeParse(c.req.query());
    if (!query.success) throw invalidRequest(query.error);
    const { limit, offset } = query.data;
    const body: z.infer<typeof jobList> = { jobs: store.list(limit, offset).map(describeJob), total: store.count };
    return c.json(body);
  };
}

/** GET /jobs/{id} */
export function jobRoute({ jobs: { store } }: Deps): (c: Context<Env>) => Response {
  return (c) => {
    negotiate(c, ["application/json"]);
    const body: z.infer<typeof jobDetail> = describeDetail(store.get(c.req.param("id")!), store);
    return c.json(body);
  };
}

/** DELETE /jobs/{id}: 202; the job is `cancelled` when its worker has saved a checkpoint. */
export function cancelRoute({ jobs: { supervisor } }: Deps): (c: Context<Env>) => Response {
  return (c) => c.json(describeJob(supervisor.cancel(c.req.param("id")!)), 202);
}

/** POST /jobs/{id}/resume: 202; the job goes on from its checkpoint. */
export function resumeRoute({ jobs: { supervisor }, lifecycle }: Deps): (c: Context<Env>) => Response {
  return (c) => {
    refuseWhenDraining(lifecycle);
    const job = supervisor.resume(c.req.param("id")!);
    return c.json(describeJob(job), 202, { Location: `/jobs/${job.id}` });
  };
}
