/** POST /distill: begins a round of distillation, as a job. */
import { roundOrder } from "../model/distillation/order.ts";
import { submitJob } from "../model/service/jobs/jobs.ts";
import { BODY_PROBLEMS, readJson } from "./body.ts";
import { endpoint, json } from "./endpoint.ts";
import { DISTILL_REQUESTS } from "./examples.ts";
import { begun, describeJob } from "./jobs_schema.ts";
import { problems, STORAGE_PROBLEMS } from "./problem.ts";

/** POST /distill: 202 with the job, which `Location` names. */
export const distill = endpoint({
  method: "post",
  path: "/distill",
  operationId: "distill",
  summary: "Begin a round of distillation",
  scopes: ["admin"],
  request: { body: { required: true, content: json(roundOrder, DISTILL_REQUESTS) } },
  responses: {
    202: begun("The round has begun"),
    ...BODY_PROBLEMS,
    ...problems({
      404: "Unknown model",
      409: "A round runs already, which `job` names; or another service has the data directory",
      422: "The request is refused: unknown keys, limits, steps, or more memory or time than there is",
      503: "The service is shutting down",
    }),
    ...STORAGE_PROBLEMS,
  },
}, ({ jobs, config, lifecycle }) => async (c) => {
  const order = await readJson(c, roundOrder, config.maxBodyBytes);
  const job = await submitJob(jobs, order, lifecycle, c.get("trace")?.traceparent);
  c.set("job", job.id);
  return c.json(describeJob(job), 202, { Location: `/jobs/${job.id}` });
});
