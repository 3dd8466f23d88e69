/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): those after one that a client has, and those to come. */
import type { Context } from "hono";
import { z } from "zod";
import { HttpError } from "./problem.ts";
import { streamed } from "./stream.ts";

/** The media type. */
export const EVENT_STREAM = "text/event-stream";

/** A comment. */
const HEARTBEAT = { everyMs: 15_000, text: ": still here\n\n" };

/** When a client is to come again after the connection has ended, ms. */
const RETRY = 2000;

/** An event of the stream, field by field, as OpenAPI has it of 3.2 on. */
export const streamedEvent = (id: string, event: z.ZodType) =>
  z.object({
    id: z.string(),
    event: z.string().describe("The type of the data"),
    data: z.string().meta({ contentMediaType: "application/json", contentSchema: event }),
  }).meta({ id });

/** The headers of a request for events. */
export const eventHeaders = z.object({
  "Last-Event-ID": z.string().optional().meta({
    type: "integer",
    minimum: 0,
    maximum: 999_999_999_999_999,
    description: "Events after this one",
  }),
});

/** @throws HttpError 400 where it is no id of an event */
export function lastEventId(given: string | undefined): number {
  if (given === undefined || given === "") return 0;
  if (/^\d{1,15}$/.test(given)) return Number(given);
  throw new HttpError(400, "Malformed header", `Last-Event-ID must be the id of an event, a number; given is ${given}`);
}

/** Events as they are told. */
type Events = AsyncGenerator<{ readonly id: number; readonly event: { readonly type: string } }, void, void>;

async function* toText(events: Events): AsyncGenerator<string, void, void> {
  yield `retry: ${RETRY}\n\n`;
  for await (const { id, event } of events) yield `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/**
 * An answer of events; 204, which tells an EventSource not to come again, where there are none and none will come.
 *
 * @param follow gives the events, until its signal is aborted
 */
export async function eventsAnswer(
  c: Context,
  over: AbortSignal,
  follow: (signal: AbortSignal) => Events | undefined,
): Promise<Response> {
  const gone = new AbortController(), events = follow(AbortSignal.any([c.req.raw.signal, over, gone.signal]));
  if (!events) return c.body(null, 204);
  const headers = { "Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no" };
  if (c.req.raw.method === "HEAD") return c.body(null, 200, headers);
  return c.body(await streamed(toText(events), () => gone.abort(), HEARTBEAT), 200, headers);
}
