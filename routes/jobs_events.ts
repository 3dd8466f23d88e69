/** GET /jobs/{id}/events: what happens in a job, as server-sent events. */
import type { Context } from "hono";
import { isActive, type StoredEvent } from "../model/service/jobs/types.ts";
import type { Deps, Env } from "./deps.ts";
import { negotiate } from "./negotiate.ts";
import { HttpError } from "./problem.ts";

/** Of server-sent events. */
export const EVENT_STREAM = "text/event-stream";

/** A comment goes out this often, so that nobody between takes the connection for dead, ms. */
const HEARTBEAT = 15_000;

/** When a client is to come again after the connection has ended, ms. */
const RETRY = 2000;

/**
 * The handler. Events after `Last-Event-ID`, all of the job's where it is absent, then those to come, until the job has ended.
 * 204, which tells an EventSource not to come again, where it has ended and there are none.
 */
export function jobEventsRoute({ jobs: { store, supervisor }, lifecycle }: Deps): (c: Context<Env>) => Response {
  return (c) => {
    negotiate(c, [EVENT_STREAM]);
    const job = store.get(c.req.param("id")!), after = lastEventId(c.req.header("last-event-id"));
    if (after > 0 && !isActive(job.state) && store.events(job.id, { after, limit: 1 }).length === 0) {
      return c.body(null, 204);
    }
    const headers = { "Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no" };
    if (c.req.raw.method === "HEAD") return c.body(null, 200, headers);
    const gone = new AbortController(), signal = AbortSignal.any([c.req.raw.signal, lifecycle.signal, gone.signal]);
    return c.body(stream(supervisor.watch(job.id, after, signal), () => gone.abort()), 200, headers);
  };
}

/** @throws HttpError 400 where it is no id of an event */
function lastEventId(given: string | undefined): number {
  if (given === undefined || given === "") return 0;
  if (/^\d{1,15}$/.test(given)) return Number(given);
  throw new HttpError(400, "Malformed header", `Last-Event-ID must be the id of an event, a number; given is ${given}`);
}

const toText = ({ id, event }: StoredEvent) => `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

function stream(events: AsyncGenerator<StoredEvent, void, void>, leave: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let heart: ReturnType<typeof setInterval> | undefined;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(`retry: ${RETRY}\n\n`));
      heart = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": still here\n\n"));
      }, HEARTBEAT);
    },
    async pull(controller) {
      try {
        const { done, value } = await events.next();
        if (!done) return controller.enqueue(encoder.encode(toText(value)));
        clearInterval(heart);
        controller.close();
      } catch (error) {
        clearInterval(heart);
        controller.error(error);
      }
    },
    cancel() {
      clearInterval(heart);
      leave();
    },
  });
}
