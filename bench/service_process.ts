/** The service as a stranger starts it: `main.ts serve` in a process of its own, on a free port of the loopback. */
import { fileURLToPath } from "node:url";
import type { RuntimeChoice } from "../model/engines/runtimes.ts";
import { readLines } from "../model/service/jobs/lines.ts";
import { noteStarted } from "./started.ts";

/** A service that runs. Times are milliseconds since its process was started. */
export interface ServiceProcess {
  readonly pid: number;
  /** Asks an administrator's route. @returns the answer's JSON. Throws Error where it is a refusal */
  admin(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  readonly listeningMs: number;
  readonly readyMs: number;
  /** Asks for molecules. Throws Error where the answer is none. */
  generate(request: { count: number; steps: number; seed: number; heavyAtoms?: number }): Promise<Generated>;
  /** Ends it and waits until it has ended. */
  stop(): Promise<void>;
}

/** What the benchmarks read of an answer of POST /generate. */
interface Generated {
  readonly returned: number;
  readonly backend: string;
  readonly timings: Readonly<Record<string, number>>;
  readonly metrics: Readonly<Record<string, unknown>>;
}

/** What to serve. */
interface ServiceOptions {
  /** Folder of models, and which of them. */
  readonly root: string;
  readonly model: string;
  readonly backend: RuntimeChoice;
  /** Requests that it holds; its default where absent. */
  readonly maxRequests?: number;
}

/** The command line's program. */
export const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Seconds that a service may take to be ready. */
const PATIENCE = 60;

/** Where data lie, which is all of our own variables that it shall see. */
const PLACES_OF_DATA = ["MOLSTEP_QM9", "MOLSTEP_SHARED"];

/** Our other variables are kept from it, as settings there would change what is measured. */
function environment(): Record<string, string> {
  const ours = (name: string) => name === "PORT" || name.startsWith("MOLSTEP_");
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !ours(name) || PLACES_OF_DATA.includes(name)),
  );
}

/** An answer's JSON. Throws Error where it is a refusal. */
async function json<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`the service answered ${response.status}: ${await response.text()}`);
  return await response.json();
}

/**
 * Starts the service with a data directory of its own, which is removed at its end, and waits until GET /health/ready is
 * content. Throws Error with its last log line where it ends.
 */
export async function startService(
  { root, model, backend, maxRequests }: ServiceOptions,
): Promise<ServiceProcess> {
  const started = performance.now(), since = () => performance.now() - started;
  const args = [
    "serve",
    "--port",
    "0",
    "--host",
    "127.0.0.1",
    "--backend",
    backend,
    "--models",
    root,
    "--preload",
    model,
  ];
  const data = await Deno.makeTempDir({ prefix: "molstep-bench-" }), token = crypto.randomUUID();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, ...args],
    clearEnv: true,
    env: {
      ...environment(),
      MOLSTEP_DRAIN_SECONDS: "0",
      MOLSTEP_DATA_DIR: data,
      MOLSTEP_ADMIN_TOKEN: token,
      ...(maxRequests !== undefined && { MOLSTEP_MAX_REQUESTS: String(maxRequests) }),
    },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let ended = false, last = "";
  const listening = Promise.withResolvers<number>();
  const reading = (async () => {
    for await (const line of readLines(child.stderr)) {
      last = line;
      if (line.includes('"listening"')) listening.resolve(JSON.parse(line).port);
    }
    ended = true;
    listening.reject(new Error(`the service ended: ${last}`));
  })();
  const stop = noteStarted(async () => {
    try {
      child.kill("SIGTERM");
    } catch { /* it has ended */ }
    await child.status;
    await reading;
    await Deno.remove(data, { recursive: true }).catch(() => {}); // it may have been stopped before
  });
  try {
    const port = await listening.promise, listeningMs = since(), url = `http://127.0.0.1:${port}`;
    while (true) {
      if (ended) throw new Error(`the service ended: ${last}`);
      if (since() > 1000 * PATIENCE) throw new Error(`the service was not ready within ${PATIENCE} s: ${last}`);
      const response = await fetch(`${url}/health/ready`).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return {
      pid: child.pid,
      listeningMs,
      readyMs: since(),
      async generate(request) {
        const headers = { "Content-Type": "application/json" }, body = JSON.stringify({ model, ...request });
        return await json(await fetch(`${url}/generate`, { method: "POST", headers, body }));
      },
      async admin(method, path, body) {
        const headers = { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" };
        return await json(
          await fetch(`${url}${path}`, {
            method,
            headers,
            body: body === undefined ? undefined : JSON.stringify(body),
          }),
        );
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
