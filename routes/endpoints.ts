/** Every route of the service. */
import { distill } from "./distill.ts";
import type { Endpoint } from "./endpoint.ts";
import { generate } from "./generate.ts";
import { live, ready } from "./health.ts";
import { index } from "./index.ts";
import { cancelJob, getJob, listJobs, resumeJob } from "./jobs.ts";
import { jobEvents } from "./jobs_events.ts";
import { metrics } from "./metrics.ts";
import { getModel, listModels } from "./models.ts";
import { openapi } from "./openapi.ts";
import { removeSteps } from "./steps.ts";

/** In the order in which a 404 tells of them. */
export const ENDPOINTS: readonly Endpoint[] = [
  index,
  openapi,
  live,
  ready,
  metrics,
  listModels,
  getModel,
  removeSteps,
  generate,
  distill,
  listJobs,
  getJob,
  cancelJob,
  jobEvents,
  resumeJob,
];
