/** Errors as problem documents (RFC 9457). */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import { foundOf } from "../chem/issues.ts";
import { PatternError } from "../chem/where/filter.ts";
import { TooLargeRoundError } from "../model/service/jobs/estimate.ts";
import { TooMuchWorkError } from "../model/service/generate.ts";
import { DeadlineError } from "../model/service/held.ts";
import { CampaignStateError } from "../model/service/campaigns/controller.ts";
import { CampaignQuotaError } from "../model/service/campaigns/plan.ts";
import { AwayError } from "../model/campaigns/engine.ts";
import { UnknownCampaignError } from "../model/campaigns/store.ts";
import { ReadOnlyError, ShuttingDownError } from "../model/service/lifecycle.ts";
import { ImpossibleOrderError } from "../model/generation/order.ts";
import { ImpossibleRoundError } from "../model/distillation/order.ts";
import { UnknownJobError } from "../model/service/jobs/store.ts";
import { BusyError, JobStateError } from "../model/service/jobs/supervisor.ts";
import { SetError, type SetFault } from "../model/service/sets.ts";
import { StorageError } from "../model/diffusion/storage.ts";
import { OverShareError, QueueFullError } from "../model/generation/ledger.ts";
import { NotDistilledError } from "../model/models/settings.ts";
import { UnknownModelError } from "../model/models/store.ts";

/** The media type of problem documents. */
const PROBLEM_TYPE = "application/problem+json";

/** A problem document. `type` is absent ("about:blank") where the status says all there is. */
export const problemSchema = z.looseObject({
  type: z.string().optional().describe("Kind of the problem, a URN; absent where the status says all there is"),
  title: z.string().describe("The kind in words, the same for all problems of the kind"),
  status: z.int().min(400).max(599),
  detail: z.string().describe("What was asked, what is allowed and what was given"),
  requestId: z.string().optional().describe("Names the request in the logs"),
  traceId: z.string().optional().describe("Of the trace that the request belongs to (W3C Trace Context), if of any"),
  errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional()
    .describe("Each fault of the request, with a JSON pointer to where it is"),
  availableSteps: z.array(z.int()).optional().describe("Step counts that the model has distilled weights for"),
  availableModels: z.array(z.string()).optional(),
  drawn: z.int().optional().describe("Molecules drawn when the deadline passed"),
  job: z.string().optional().describe("The job that holds the device, or that the request was about"),
  campaign: z.string().optional().describe("The campaign that the request was about"),
  estimate: z.looseObject({}).optional().describe("Of a round or a campaign that does not fit"),
}).meta({ id: "Problem" });

/** Statuses that are answered with a problem document, with what each means, as a route's description has them. */
export const problems = <T extends Readonly<Record<number, string>>>(statuses: T) =>
  Object.fromEntries(
    Object.entries(statuses).map(([status, description]) => [
      status,
      { description, content: { [PROBLEM_TYPE]: { schema: problemSchema } } },
    ]),
  ) as {
    [S in keyof T]: { description: string; content: Record<typeof PROBLEM_TYPE, { schema: typeof problemSchema }> };
  };

/** What routes answer that write in the data directory. */
export const STORAGE_PROBLEMS = problems({
  507: "The data directory is full, or cannot be written to; the log says why",
});

/** A problem document. */
type Problem = z.infer<typeof problemSchema>;

/** An error that is answered with this status. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  constructor(
    readonly status: ContentfulStatusCode,
    readonly title: string,
    detail: string,
    readonly extra: Readonly<Record<string, unknown>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }
}

const urn = (kind: string) => `urn:molstep:problem:${kind}`;

/** Faults that zod found, as 422. */
export function invalidRequest(error: z.ZodError): HttpError {
  const errors = foundOf(error.issues).map(({ path, message }) => ({
    path: path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
    message,
  }));
  const detail = errors.map(({ path, message }) => path ? `${path}: ${message}` : message).join("; ");
  return new HttpError(422, "Invalid request", detail, { type: urn("invalid-request"), errors });
}

/** What comes of each fault of a set. */
const SET_PROBLEMS: Readonly<Record<SetFault, { readonly status: 404 | 409 | 413 | 422; readonly title: string }>> = {
  unknown: { status: 404, title: "Unknown set" },
  busy: { status: 409, title: "Another set is read" },
  quota: { status: 409, title: "Over the quota of sets" },
  "too-long": { status: 413, title: "Body too long" },
  unreadable: { status: 422, title: "No set of molecules" },
};

/** The HTTP form of any error; undefined for one that is the service's own fault. */
export function toHttpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof z.ZodError) return invalidRequest(error);
  if (error instanceof PatternError) {
    const { path, message } = error.fault;
    return invalidRequest(new z.ZodError([{ code: "custom", path: ["where", ...path.split("/").slice(1)], message }]));
  }
  if (error instanceof NotDistilledError) {
    const extra = { type: urn("not-distilled"), availableSteps: error.available };
    return new HttpError(422, "No weights distilled to these steps", error.message, extra);
  }
  if (error instanceof UnknownModelError) {
    const extra = { type: urn("unknown-model"), availableModels: error.available };
    return new HttpError(404, "Unknown model", error.message, extra);
  }
  if (error instanceof UnknownJobError) return new HttpError(404, "Unknown job", error.message);
  if (error instanceof UnknownCampaignError) return new HttpError(404, "Unknown campaign", error.message);
  if (error instanceof CampaignStateError) {
    const extra = { type: urn("campaign-state"), campaign: error.campaign, state: error.state };
    return new HttpError(409, "Not in this state", error.message, extra);
  }
  if (error instanceof CampaignQuotaError) {
    const extra = { type: urn("campaign-quota"), estimate: error.estimate };
    return new HttpError(error.of === "campaigns" ? 409 : 422, "Over the quota of campaigns", error.message, extra);
  }
  if (error instanceof SetError) {
    const { status, title } = SET_PROBLEMS[error.fault];
    return new HttpError(status, title, error.message, { type: urn(`set-${error.fault}`) });
  }
  if (error instanceof AwayError) {
    const headers = { "Retry-After": "30" };
    return new HttpError(503, "Shards out of reach", error.message, { type: urn("shards-away") }, headers);
  }
  if (error instanceof BusyError) {
    return new HttpError(409, "A round runs", error.message, { type: urn("round-runs"), job: error.job });
  }
  if (error instanceof JobStateError) {
    const extra = { type: urn("job-state"), job: error.job, state: error.state };
    return new HttpError(409, "Not in this state", error.message, extra);
  }
  if (error instanceof ReadOnlyError) {
    return new HttpError(409, "Read-only", error.message, { type: urn("read-only") });
  }
  if (error instanceof ShuttingDownError) {
    return new HttpError(503, "Shutting down", error.message, {}, { "Retry-After": "5" });
  }
  if (error instanceof TooMuchWorkError) {
    return new HttpError(422, "Too much work", error.message, { type: urn("too-much-work") });
  }
  if (error instanceof ImpossibleOrderError || error instanceof ImpossibleRoundError) {
    const errors = [{ path: `/${error.field}`, message: error.message }];
    return new HttpError(422, "Impossible request", error.message, { type: urn("impossible"), errors });
  }
  if (error instanceof TooLargeRoundError) {
    return new HttpError(422, "Too large", error.message, { type: urn("too-large"), estimate: error.estimate });
  }
  if (error instanceof OverShareError) {
    const headers = { "Retry-After": String(error.retryAfter) };
    return new HttpError(429, "Over the share", error.message, { type: urn("over-share") }, headers);
  }
  if (error instanceof QueueFullError) {
    const headers = { "Retry-After": String(error.retryAfter) };
    return new HttpError(503, "Queue full", error.message, { type: urn("queue-full") }, headers);
  }
  if (error instanceof StorageError) {
    const type = urn(error.full ? "storage-full" : "storage-refused");
    return new HttpError(507, "Insufficient storage", error.message, { type });
  }
  if (error instanceof DeadlineError) {
    const extra = { type: urn("deadline"), drawn: error.drawn };
    return new HttpError(504, "Deadline passed", error.message, extra);
  }
}

/** The kind of a problem, as a word: its URN's, or its title's. Both are of the code, so there are not many. */
const kindOf = ({ title, extra: { type } }: HttpError): string =>
  typeof type === "string" ? type.split(":").at(-1)! : title.toLowerCase().replaceAll(/[^a-z\d]+/g, "-");

/** Answers with a problem document. */
export function problem(c: Context, error: HttpError): Response {
  c.set("refusal", kindOf(error));
  const body: Problem = {
    ...error.extra,
    title: error.title,
    status: error.status,
    detail: error.message,
    requestId: c.get("requestId"),
    traceId: c.get("trace")?.traceId,
  };
  return c.body(JSON.stringify(body), error.status, {
    ...error.headers,
    "Content-Type": PROBLEM_TYPE,
    "Cache-Control": "no-store",
  });
}
