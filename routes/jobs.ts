/** GET /jobs, GET and DELETE /jobs/{id}, POST /jobs/{id}/resume. */
import { cancelJob as cancel, resumeJob as resume } from "../model/service/jobs/jobs.ts";
import { endpoint, json } from "./endpoint.ts";
import { begun, describeDetail, describeJob, jobDetail, jobId, jobList, jobSchema, pageQuery } from "./jobs_schema.ts";
import { ACCEPT_PROBLEMS, offers } from "./negotiate.ts";
import { problems, STORAGE_PROBLEMS } from "./problem.ts";

const unknown = problems({ 404: "Unknown job" });

/** GET /jobs */
export const listJobs = endpoint({
  method: "get",
  path: "/jobs",
  operationId: "listJobs",
  summary: "The jobs, newest first",
  scopes: ["read"],
  middleware: offers("application/json"),
  request: { query: pageQuery },
  responses: {
    200: { description: "The jobs", content: json(jobList) },
    ...ACCEPT_PROBLEMS,
    ...problems({ 422: "No such page" }),
  },
}, ({ jobs: { store } }) => (c) => {
  const { limit, offset } = c.req.valid("query");
  return c.json({ jobs: store.list(limit, offset).map(describeJob), total: store.count }, 200);
});

/** GET /jobs/{id} */
export const getJob = endpoint({
  method: "get",
  path: "/jobs/{id}",
  operationId: "getJob",
  summary: "A job with its curves",
  scopes: ["read"],
  middleware: offers("application/json"),
  request: { params: jobId },
  responses: { 200: { description: "The job", content: json(jobDetail) }, ...ACCEPT_PROBLEMS, ...unknown },
}, ({ jobs: { store } }) => (c) => c.json(describeDetail(store.get(c.req.valid("param").id), store), 200));

/** DELETE /jobs/{id} */
export const cancelJob = endpoint(
  {
    method: "delete",
    path: "/jobs/{id}",
    operationId: "cancelJob",
    summary: "Cancel a job; its checkpoint is kept",
    scopes: ["admin"],
    request: { params: jobId },
    responses: {
      202: { description: "The job, which is `cancelled` when its worker has ended", content: json(jobSchema) },
      ...unknown,
      ...problems({ 409: "The job does not run, or another service has the data directory" }),
      ...STORAGE_PROBLEMS,
    },
  },
  ({ jobs, lifecycle }) => async (c) =>
    c.json(describeJob(await cancel(jobs, c.req.valid("param").id, lifecycle)), 202),
);

/** POST /jobs/{id}/resume: the job goes on from its checkpoint. */
export const resumeJob = endpoint({
  method: "post",
  path: "/jobs/{id}/resume",
  operationId: "resumeJob",
  summary: "Go on with a job that was cancelled or failed",
  scopes: ["admin"],
  request: { params: jobId },
  responses: {
    202: begun("The job goes on"),
    ...unknown,
    ...problems({
      409: "The job is in another state, its folder is gone, another runs, or another service has the data directory",
      503: "The service is shutting down",
    }),
    ...STORAGE_PROBLEMS,
  },
}, ({ jobs, lifecycle }) => async (c) => {
  const job = await resume(jobs, c.req.valid("param").id, lifecycle);
  return c.json(describeJob(job), 202, { Location: `/jobs/${job.id}` });
});
