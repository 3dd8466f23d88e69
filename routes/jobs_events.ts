/** GET /jobs/{id}/events: what happens in a job, as server-sent events. */
import { followJob } from "../model/service/jobs/jobs.ts";
import { jobEvent } from "../model/service/jobs/types.ts";
import { endpoint } from "./endpoint.ts";
import { EVENT_STREAM, eventHeaders, eventsAnswer, lastEventId, streamedEvent } from "./event_stream.ts";
import { jobId } from "./jobs_schema.ts";
import { ACCEPT_PROBLEMS, offers } from "./negotiate.ts";
import { problems } from "./problem.ts";

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
  request: { params: jobId, headers: eventHeaders },
  responses: {
    200: {
      description: "Events; the schema is that of each",
      content: { [EVENT_STREAM]: { schema: streamedEvent("StreamedJobEvent", jobEvent) } },
    },
    204: { description: "The job has ended, and there are no events after Last-Event-ID" },
    ...ACCEPT_PROBLEMS,
    ...problems({ 400: "Last-Event-ID is no id", 404: "Unknown job", 409: "Another service runs the job" }),
  },
}, ({ jobs, lifecycle }) => (c) => {
  const { id } = jobs.store.get(c.req.valid("param").id), after = lastEventId(c.req.valid("header")["Last-Event-ID"]);
  return eventsAnswer(c, lifecycle.signal, (signal) => followJob(jobs, { id, after, signal }, lifecycle));
});
