/** Requests of an administrator, for tests. */
import type { createApp } from "../../routes/app.ts";

/** The administrator's token. */
export const TOKEN = "a-token-of-a-test-1234";

/** A request with the token. */
export function ask(
  app: ReturnType<typeof createApp>,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return Promise.resolve(app.request(path, {
    method,
    headers: {
      Authorization: `Bearer ${TOKEN}`,
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }));
}

/** An event as a client has it. */
// deno-lint-ignore no-explicit-any -- of many shapes
export type Told = { readonly id: number; readonly type: string; readonly [key: string]: any };

/** Reads a job's events, as they come, until the stream ends or one is found; then leaves. */
export async function follow(
  app: ReturnType<typeof createApp>,
  id: string,
  { after, until = () => false }: { after?: number; until?: (event: Told) => boolean } = {},
): Promise<Told[]> {
  const headers: Record<string, string> = after === undefined ? {} : { "Last-Event-ID": String(after) };
  const response = await ask(app, "GET", `/jobs/${id}/events`, undefined, headers), all: Told[] = [];
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const fields = new Map(text.slice(0, end).split("\n").map((line) => line.split(/: (.*)/s) as [string, string]));
      if (!fields.has("data")) continue;
      const event = { id: Number(fields.get("id")), ...JSON.parse(fields.get("data")!) };
      if (event.type !== fields.get("event")) throw new Error(`event ${fields.get("event")} holds ${event.type}`);
      all.push(event);
      if (until(event)) return all;
    }
  }
  return all;
}
