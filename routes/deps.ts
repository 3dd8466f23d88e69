/** What the routes are given to work with. */
import type { ConformerPool } from "../model/generation/conformer_pool.ts";
import type { GenerateService } from "../model/service/generate.ts";
import type { Campaigns } from "../model/service/campaigns/campaigns.ts";
import type { Jobs } from "../model/service/jobs/jobs.ts";
import type { Sets } from "../model/service/sets.ts";
import type { Publisher } from "../model/service/publisher.ts";
import type { Access } from "./access/access.ts";
import type { ServiceConfig } from "./config.ts";
import type { Log } from "./log.ts";
import type { Meters } from "./meters.ts";
import type { RequestTrace } from "./tracing.ts";

/** All that an app needs. */
export interface Deps extends Omit<GenerateService, "maxWork" | "timeoutMs"> {
  readonly config: Pick<
    ServiceConfig,
    "maxWork" | "maxBodyBytes" | "timeoutSeconds" | "refine" | "trustedProxies" | "corsOrigins" | "conformers"
  >;
  readonly access: Access;
  readonly jobs: Jobs;
  readonly campaigns: Campaigns;
  readonly sets: Sets;
  readonly conformers: ConformerPool;
  readonly publisher: Pick<Publisher, "removeSteps">;
  readonly log: Log;
  /** Absent where nothing is measured. */
  readonly meters?: Meters;
}

/** What whoever listens tells with a request. */
export interface Bindings {
  /** Address of the other end of the connection. */
  readonly address?: string;
}

/** The variables of a request's context. */
export interface Env {
  Bindings: Bindings;
  Variables: {
    requestId: string;
    /** Absent where a route stands outside an app of `createApp`. */
    trace: RequestTrace | undefined;
    /** The kind of the problem document that is the answer. */
    refusal: string | undefined;
    /** Of the client, who may stand behind proxies; absent where nobody listens, as in `app.request()`. */
    address: string | undefined;
    /** That the request has shown, where the route asks for a scope. */
    token?: { readonly name: string };
    /** The job that the request was about, where its path does not say. */
    job?: string;
  };
}
