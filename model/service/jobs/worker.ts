/** The process that runs a round: how it is started, what it tells, how it ends, and whether one of an earlier life still runs. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FolderInUseError, lockFolder } from "../../diffusion/lock.ts";
import { hardware, MACHINE } from "../../engines/hardware.ts";
import { LOADER_VARIABLES, withoutLoaderVariables } from "../../engines/loader_variables.ts";
import type { RuntimeChoice } from "../../engines/runtimes.ts";
import { type Access, flagsOf, ROOT, roundAccess } from "../permissions.ts";
import { TRACEPARENT } from "../traceparent.ts";
import { readLines } from "./lines.ts";
import { endOrphan } from "./orphan.ts";
import { type COMMANDS, type RoundEvent, roundEvent } from "../../distillation/events.ts";

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number;
  readonly signal: string | null;
  /** The last of what it wrote on stderr. */
  readonly stderr: string;
}

/** A running worker. */
export interface Worker {
  readonly pid: number;
  /** Ends when the worker's stdout does. */
  readonly events: AsyncGenerator<RoundEvent, void, void>;
  readonly ended: Promise<WorkerEnd>;
  /** Does nothing once it has ended. */
  tell(command: typeof COMMANDS[number]): void;
  kill(signal: Deno.Signal): void;
}

/** Most of stderr that is kept, characters. */
const TAIL = 2000;

/** Where a lower priority can be had; the worker is started without where it is not there. */
const NICE = "/usr/bin/nice";

/**
 * How much lower, of 19. The supervisor's share of the time holds a round back while there are requests; at 19, beside a service that keeps all cores
 * busy, it would get nothing of its share: 2 % of a core was measured, and 40 updates took more than a quarter of an hour.
 */
const LOWER = 5;

/** What it takes to start workers, which are Deno's, at a lower priority: {@link NICE} must be seen. */
export const workersAccess = (): Access => ({
  read: [NICE],
  run: [...existsSync(NICE) ? [NICE] : [], Deno.execPath()],
  env: LOADER_VARIABLES,
});

/** Whether this process may start workers. */
export const mayStartWorkers = (): boolean =>
  Deno.permissions.querySync({ name: "run", command: Deno.execPath() }).state === "granted";

/**
 * This program's own command for a round in this folder, to be followed by its options, with the permissions that it needs. Packages are taken as they
 * lie there, as the service runs on them: otherwise Deno 2.9 takes the lock of node_modules at each start, several times, and waits for as
 * long as any other start has it.
 */
export const ownTrainer = (folder: string, backend: RuntimeChoice = "auto"): readonly string[] => [
  Deno.execPath(),
  "run",
  "--quiet",
  "--node-modules-dir=manual",
  ...flagsOf(roundAccess(folder, backend)),
  join(ROOT, "main.ts"),
  "distill",
];

/** Variables that a worker has no business with. */
const SECRET = ["MOLSTEP_ADMIN_TOKEN", "MOLSTEP_NATS", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/** What a worker's environment has otherwise than this process's: empty is as good as absent, and takes no right to read all of it. */
function changedVariables(): Record<string, string> {
  return {
    ...Object.fromEntries(SECRET.map((name) => [name, ""])),
    ...withoutLoaderVariables(),
    [MACHINE]: JSON.stringify(hardware()),
  };
}

/**
 * Starts a worker, at a lower priority. It holds a pipe to this process: its stdin ends when this process does.
 *
 * @param command program and arguments
 * @param onNoise told of each line that is no event: of stdout, or of stderr
 * @param traceparent see {@link TRACEPARENT}
 */
export function startWorker(
  command: readonly string[],
  onNoise: (line: string) => void = () => {},
  traceparent?: string,
): Worker {
  const [program, ...args] = existsSync(NICE) ? [NICE, "-n", String(LOWER), ...command] : command;
  const child = new Deno.Command(program, {
    args,
    env: { ...changedVariables(), [TRACEPARENT]: traceparent ?? "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  stdin.closed.catch(() => {});
  let tail = "", alive = true;
  const listening = (async () => {
    for await (const line of readLines(child.stderr)) {
      tail = `${tail}${line}\n`.slice(-TAIL);
      onNoise(line);
    }
  })();
  const ended = child.status.then(async ({ code, signal }) => {
    alive = false;
    await Promise.all([listening, stdin.close().catch(() => {})]);
    return { code, signal, stderr: tail.trim() };
  });
  return {
    pid: child.pid,
    events: eventsOf(child.stdout, onNoise),
    ended,
    tell(command) {
      if (alive) stdin.write(new TextEncoder().encode(`${command}\n`)).catch(() => {});
    },
    kill(signal) {
      if (!alive) return;
      try {
        child.kill(signal);
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error; // it has just ended
      }
    },
  };
}

async function* eventsOf(stdout: ReadableStream<Uint8Array>, onNoise: (line: string) => void) {
  for await (const line of readLines(stdout)) {
    const event = roundEvent.safeParse(parsed(line));
    if (event.success) yield event.data;
    else if (line.trim()) onNoise(line);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Why a worker that did not say so ended, in words. */
export function reasonOf({ code, signal, stderr }: WorkerEnd): string {
  if (signal === "SIGKILL" || code === 137) return "the worker was killed (SIGKILL), perhaps as memory ran out";
  const how = signal ? `the worker was ended by ${signal}` : `the worker ended with status ${code} and without a word`;
  const last = stderr.split("\n").at(-1);
  return last ? `${how}; its last line: ${last.slice(0, 500)}` : how;
}

/**
 * Ends a worker of an earlier life as {@link endOrphan} does. Only who has all permissions may see and end a process by its number, so a service that
 * has but those to start workers has another Deno do it.
 */
export async function endPredecessor(pid: number, mark: string, graceMs = 30_000): Promise<void> {
  if (Deno.permissions.querySync({ name: "run" }).state === "granted") return await endOrphan(pid, mark, { graceMs });
  if (Deno.build.os !== "linux" || !mayStartWorkers()) return;
  const flags = ["--quiet", "--no-prompt", "--no-remote", "--node-modules-dir=manual", "--allow-all"];
  await new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, join(ROOT, "model/service/jobs/orphan.ts"), String(pid), mark, String(graceMs)],
    env: changedVariables(),
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).output();
}

/**
 * Waits until no worker has a folder. One of an earlier life that could not be ended, as it is another machine's, ends by itself, as its
 * stdin has; one that has not in time is left to whoever wants the folder next, and is told its number.
 */
export async function untilFree(
  folder: string,
  { graceMs = 30_000, pollMs = 50 }: { graceMs?: number; pollMs?: number } = {},
): Promise<void> {
  for (const until = Date.now() + graceMs; existsSync(folder) && Date.now() < until;) {
    try {
      return lockFolder(folder).release();
    } catch (error) {
      if (!(error instanceof FolderInUseError)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
