/** What the routes are given to work with. */
import type { GenerateService } from "../model/service/generate.ts";
import type { Jobs } from "../model/service/jobs/jobs.ts";
import type { Publisher } from "../model/service/publisher.ts";
import type { ServiceConfig } from "./config.ts";
import type { Log } from "./log.ts";

/** All that an app needs. */
export interface Deps extends Omit<GenerateService, "maxWork"> {
  readonly config: Pick<ServiceConfig, "maxWork" | "maxBodyBytes" | "adminToken">;
  readonly jobs: Jobs;
  readonly publisher: Pick<Publisher, "removeSteps">;
  readonly log: Log;
}

/** The variables of a request's context. */
export interface Env {
  Variables: { requestId: string };
}
