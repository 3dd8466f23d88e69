/** Every route of the service. */
import {
  campaignEvents,
  campaignResults,
  getCampaign,
  listCampaigns,
  removeCampaign,
  resumeCampaign,
  submitCampaign,
} from "./campaigns/mod.ts";
import { conformers } from "./conformers.ts";
import { addData, getData, listData, removeData } from "./data.ts";
import { distill } from "./distill.ts";
import { docs, docsFile } from "./docs.ts";
import type { Endpoint } from "./endpoint.ts";
import { generate } from "./generate.ts";
import { live, ready } from "./health.ts";
import { index } from "./index.ts";
import { cancelJob, getJob, listJobs, resumeJob } from "./jobs.ts";
import { jobEvents } from "./jobs_events.ts";
import { metrics } from "./metrics.ts";
import { getModel, listModels } from "./models.ts";
import { nimGenerate, nimLive, nimReady } from "./nim.ts";
import { openapi } from "./openapi.ts";
import { pageFile } from "./page/page.ts";
import { path } from "./path.ts";
import { removeSteps } from "./steps.ts";

/** In the order in which a 404 tells of them. */
const ALL = [
  index,
  pageFile,
  openapi,
  docs,
  docsFile,
  live,
  ready,
  metrics,
  listModels,
  getModel,
  removeSteps,
  generate,
  path,
  conformers,
  addData,
  listData,
  getData,
  removeData,
  distill,
  listJobs,
  getJob,
  cancelJob,
  jobEvents,
  resumeJob,
  submitCampaign,
  listCampaigns,
  getCampaign,
  removeCampaign,
  resumeCampaign,
  campaignEvents,
  campaignResults,
  nimGenerate,
  nimLive,
  nimReady,
] as const;

/** Every route. */
export const ENDPOINTS: readonly Endpoint[] = ALL;

/** The same, each with what it takes and gives, for types of clients (`app_type.ts`). */
export type Endpoints = typeof ALL;
