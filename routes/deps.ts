/** What the routes are given to work with. */
import type { Validate } from "../chem/validator.ts";
import type { BatchValidator } from "../chem/validator_pool.ts";
import type { JobPlan } from "../model/service/jobs/plan.ts";
import type { RoundOrder } from "../model/distillation/order.ts";
import type { JobStore } from "../model/service/jobs/store.ts";
import type { Supervisor } from "../model/service/jobs/supervisor.ts";
import type { Publisher } from "../model/service/publisher.ts";
import type { Queue } from "../model/generation/queue.ts";
import type { ModelStore } from "../model/models/store.ts";
import type { ServiceConfig } from "./config.ts";
import type { Log } from "./log.ts";

/** The life of the service, as the routes see it. */
export interface Lifecycle {
  /** `starting` until the models to preload are loaded, `draining` from SIGTERM on. */
  readonly state: "starting" | "ready" | "failed" | "draining";
  /** Aborted when requests in flight may run no longer. */
  readonly signal: AbortSignal;
}

/** Rounds of distillation. */
export interface Jobs {
  readonly store: JobStore;
  readonly supervisor: Supervisor;
  /** See `model/service/jobs/plan.ts`. */
  readonly plan: (order: RoundOrder) => Promise<JobPlan>;
}

/** All that an app needs. */
export interface Deps {
  readonly store: ModelStore;
  /** Resolves when the chemistry is loaded. */
  readonly validate: () => Promise<Validate | BatchValidator>;
  readonly queue: Queue;
  readonly config: Pick<ServiceConfig, "maxWork" | "maxBodyBytes" | "adminToken">;
  readonly jobs: Jobs;
  readonly publisher: Pick<Publisher, "removeSteps">;
  readonly lifecycle: Lifecycle;
  readonly log: Log;
}

/** The variables of a request's context. */
export interface Env {
  Variables: { requestId: string };
}
