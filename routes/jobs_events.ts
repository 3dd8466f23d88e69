/** GET /jobs/{id}/events: what happens in a job, as server-sent events. */
import { z } from "zod";
import { followJob } from "../model/service/jobs/jobs.ts";
import { jobEvent, type StoredEvent } from "../model/service/jobs/types.ts";
import { endpoint } from "./endpoint.ts";
import { jobId } from "./jobs_schema.ts";
import { ACCEPT_PROBLEMS, offers } from "./negotiate.ts";
import { HttpError, problems } from "./problem.ts";
import { streamed } from "./stream.ts";

/** Of server-sent events. */
const EVENT_STREAM = "text/event-stream";

/** A comment. */
const HEARTBEAT = { everyMs: 15_000, text: ": still here\n\n" };

/** When a client is to come again after the connection has ended, ms. */
const RETRY = 2000;

/** An event of the stream, field by field, as OpenAPI has it of 3.2 on. */
const streamedEvent = z.object({
  id: z.string(),
  event: z.string().describe("The type of the data"),
  data: z.string().meta({ contentMediaType: "application/json", contentSchema: jobEvent }),
}).meta({ id: "StreamedJobEvent" });

/**
 * Events after `Last-Event-ID`, all of the job's where it is absent, then those to come, until the job has ended. 204, which tells
 * an EventSource not to come again, where it has ended and there are none.
 */
export const jobEvents = endpoint({
  method: "get",
  path: "/jobs/{id}/events",
  operationId: "jobEvents",
  summary: "What happens in a job, as server-sent events; ends with the job",
  scopes: ["read"],
  middleware: offers(EVENT_STREAM),
  request: {
    params: jobId,
    headers: z.object({
      "Last-Event-ID": z.string().optional().meta({
        type: "integer",
        minimum: 0,
        maximum: 999_999_999_999_999,
        description: "Events after this one",
      }),
    }),
  },
  responses: {
    200: {
      description: "Events; the schema is that of each",
      content: { [EVENT_STREAM]: { schema: streamedEvent } },
    },
    204: { description: "The job has ended, and there are no events after Last-Event-ID" },
    ...ACCEPT_PROBLEMS,
    ...problems({ 400: "Last-Event-ID is no id", 404: "Unknown job", 409: "Another service runs the job" }),
  },
}, ({ jobs, lifecycle }) => async (c) => {
  const { id } = jobs.store.get(c.req.valid("param").id), after = lastEventId(c.req.valid("header")["Last-Event-ID"]);
  const gone = new AbortController(), signal = AbortSignal.any([c.req.raw.signal, lifecycle.signal, gone.signal]);
  const events = followJob(jobs, { id, after, signal }, lifecycle);
  if (!events) return c.body(null, 204);
  const headers = { "Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no" };
  if (c.req.raw.method === "HEAD") return c.body(null, 200, headers);
  return c.body(await streamed(toText(events), () => gone.abort(), HEARTBEAT), 200, headers);
});

/** @throws HttpError 400 where it is no id of an event */
function lastEventId(given: string | undefined): number {
  if (given === undefined || given === "") return 0;
  if (/^\d{1,15}$/.test(given)) return Number(given);
  throw new HttpError(400, "Malformed header", `Last-Event-ID must be the id of an event, a number; given is ${given}`);
}

async function* toText(events: AsyncGenerator<StoredEvent, void, void>): AsyncGenerator<string, void, void> {
  yield `retry: ${RETRY}\n\n`;
  for await (const { id, event } of events) yield `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
