/** A service in a process of its own, on a free port, whose rounds a test asks for and follows. */
import { join } from "node:path";
import { readLines } from "../model/service/jobs/lines.ts";

/** The administrator's token that a test sends. */
export const TOKEN = "a-token-of-a-test-1234";

// deno-lint-ignore no-explicit-any -- JSON of many shapes
export type Json = any;

/**
 * Starts one, and waits until it is ready. Throws Error with its log where it ends.
 *
 * @param args Deno's
 * @param environment beside what keeps it small, and away from the tester's data
 */
export async function startChild(
  { root, args, cwd, environment }: {
    /** Of the models; its data directory is made there. */
    readonly root: string;
    readonly args: readonly string[];
    readonly cwd?: string;
    readonly environment: Readonly<Record<string, string>>;
  },
) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: {
      PORT: "0",
      MOLSTEP_HOST: "127.0.0.1",
      MOLSTEP_MODELS: root,
      MOLSTEP_DATA_DIR: join(root, "data"),
      MOLSTEP_QM9: "/nowhere",
      MOLSTEP_TRAINER_SHARE: "0.5",
      MOLSTEP_DRAIN_SECONDS: "0",
      ...environment,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ready = Promise.withResolvers<number>(), lines: Json[] = [];
  const reading = (async () => {
    let port = 0;
    for await (const line of readLines(child.stderr)) {
      if (!line.startsWith("{")) continue;
      const entry = JSON.parse(line);
      lines.push(entry);
      if (entry.message === "listening") port = entry.port;
      if (entry.message === "ready") ready.resolve(port);
    }
    ready.reject(new Error(`the service ended: ${JSON.stringify(lines)}`));
  })();
  const address = `http://127.0.0.1:${await ready.promise}`;
  return {
    /** Of the log, so far. */
    lines,
    async ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
      const response = await fetch(address + path, {
        method,
        headers: { Authorization: `Bearer ${TOKEN}`, ...(body ? { "Content-Type": "application/json" } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await response.text();
      return { status: response.status, body: text ? JSON.parse(text) : undefined };
    },
    /** Reads a job's events until one is found, and leaves the stream. Throws Error where they end before. */
    async until(id: string, found: (event: Json) => boolean, after = 0): Promise<Json> {
      const headers = { Authorization: `Bearer ${TOKEN}`, "Last-Event-ID": String(after) }, seen: string[] = [];
      const response = await fetch(`${address}/jobs/${id}/events`, { headers });
      let at = after;
      for await (const line of readLines(response.body!)) {
        if (line.startsWith("id: ")) at = Number(line.slice(4));
        if (!line.startsWith("data: ")) continue;
        const event = { id: at, ...JSON.parse(line.slice(6)) };
        seen.push(line);
        if (found(event)) return event;
      }
      throw new Error(`the job's events ended: ${seen.join("\n")}`);
    },
    /** Ends it by a signal to the process that was started, or to another of its own. @returns the exit status of the former */
    async end(signal: Deno.Signal, pid = child.pid): Promise<number> {
      Deno.kill(pid, signal);
      const { code } = await child.status;
      await reading;
      return code;
    },
  };
}
