/** The service as a stranger starts it: `main.ts serve` in a process of its own, on a free port of the loopback. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import settings from "../deno.json" with { type: "json" };
import type { RuntimeChoice } from "../model/engines/runtimes.ts";
import { readLines } from "../model/service/jobs/lines.ts";
import { ROOT } from "../model/service/permissions.ts";
import { noteStarted } from "./started.ts";

/** A service that runs. Times are milliseconds since its process was started. */
export interface ServiceProcess {
  /** Of the service itself, not of its launcher. */
  readonly pid: number;
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** Of an administrator. */
  readonly token: string;
  /** Asks an administrator's route. @returns the answer's JSON. Throws Error where it is a refusal */
  admin(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  readonly listeningMs: number;
  readonly readyMs: number;
  /** Asks for molecules. Throws Error where the answer is none. */
  generate(
    request: { count: number; steps: number; seed: number; heavyAtoms?: number; sampler?: string },
  ): Promise<Generated>;
  /** How it has ended; with its launcher, the status that this ends with: 137 after SIGKILL. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** Ends it and waits until it has ended. SIGKILL is the service's own, any other goes by its launcher. @param signal default SIGTERM */
  stop(signal?: Deno.Signal): Promise<void>;
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
  /** Its data directory; one of its own, which is removed at its end, where absent. */
  readonly data?: string;
  /** Further variables of its environment. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether it has the permissions that `deno task start` gives, by its launcher, in place of all. */
  readonly launched?: boolean;
  /** Most files that it may have open. */
  readonly descriptors?: number;
  /** Told each line of its log. */
  readonly onLine?: (line: string) => void;
}

/** The command line's program. */
export const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** How the service is started: with all permissions, or as `deno task start` does, from any folder. */
const UNBOUND = ["run", "-A", MAIN, "serve"];
const LAUNCHED = settings.tasks.start.split(" ").slice(1).map((word) => word.endsWith(".ts") ? join(ROOT, word) : word);

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
  { root, model, backend, maxRequests, data: given, variables = {}, launched, descriptors, onLine = () => {} }:
    ServiceOptions,
): Promise<ServiceProcess> {
  const started = performance.now(), since = () => performance.now() - started;
  const args = [
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
  const data = given ?? await Deno.makeTempDir({ prefix: "molstep-bench-" }), token = crypto.randomUUID();
  const command = [Deno.execPath(), ...launched ? LAUNCHED : UNBOUND, ...args];
  const [program, ...words] = descriptors === undefined
    ? command
    : ["sh", "-c", `ulimit -n ${descriptors} && exec "$@"`, "sh", ...command];
  const child = new Deno.Command(program, {
    args: words,
    clearEnv: true,
    env: {
      ...environment(),
      MOLSTEP_DRAIN_SECONDS: "0",
      MOLSTEP_DATA_DIR: data,
      MOLSTEP_ADMIN_TOKEN: token,
      ...(maxRequests !== undefined && { MOLSTEP_MAX_REQUESTS: String(maxRequests) }),
      ...variables,
    },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let ended = false, last = "", own: number | undefined;
  const listening = Promise.withResolvers<{ port: number; pid: number }>();
  const reading = (async () => {
    for await (const line of readLines(child.stderr)) {
      last = line;
      onLine(line);
      if (line.includes('"listening"')) listening.resolve(JSON.parse(line));
    }
    ended = true;
    listening.reject(new Error(`the service ended: ${last}`));
  })();
  const end = async (signal: Deno.Signal = "SIGTERM") => {
    try {
      if (signal === "SIGKILL" && own !== undefined) Deno.kill(own, signal);
      else child.kill(signal);
    } catch { /* it has ended */ }
    await child.status;
    await reading;
    if (given === undefined) await Deno.remove(data, { recursive: true }).catch(() => {}); // it may have been stopped before
  };
  const forget = noteStarted(end);
  const stop = async (signal?: Deno.Signal) => {
    await end(signal);
    await forget();
  };
  try {
    const { port, pid } = await listening.promise, listeningMs = since(), url = `http://127.0.0.1:${port}`;
    own = pid;
    while (true) {
      if (ended) throw new Error(`the service ended: ${last}`);
      if (since() > 1000 * PATIENCE) throw new Error(`the service was not ready within ${PATIENCE} s: ${last}`);
      const response = await fetch(`${url}/health/ready`).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return {
      pid,
      url,
      token,
      ended: child.status,
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
