/** What the routes are given to work with. */
import type { Validate } from "../chem/validator.ts";
import type { Queue } from "../model/queue.ts";
import type { ModelStore } from "../model/store.ts";
import type { ServiceConfig } from "./config.ts";
import type { Log } from "./log.ts";

/** The life of the service, as the routes see it. */
export interface Lifecycle {
  /** `starting` until the models to preload are loaded, `draining` from SIGTERM on. */
  readonly state: "starting" | "ready" | "failed" | "draining";
  /** Aborted when requests in flight may run no longer. */
  readonly signal: AbortSignal;
}

/** All that an app needs. */
export interface Deps {
  readonly store: ModelStore;
  /** Resolves when the chemistry is loaded. */
  readonly validate: () => Promise<Validate>;
  readonly queue: Queue;
  readonly config: Pick<ServiceConfig, "maxWork" | "maxBodyBytes">;
  readonly lifecycle: Lifecycle;
  readonly log: Log;
}

/** The variables of a request's context. */
export interface Env {
  Variables: { requestId: string };
}
