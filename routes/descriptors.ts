/** How many connections fit beside what else the service has to open. */
import { fileURLToPath } from "node:url";
import { someWorkers } from "../chem/work_pool.ts";
import { coreThreads } from "../model/engines/c/threads.ts";
import type { ServiceConfig } from "./config.ts";
import { LEAVING } from "./door.ts";
import type { Log } from "./log.ts";

/** Descriptors of a worker, with some to spare: Deno 2.9.6 takes 6, and ends the process by a panic where they are not there. */
const WORKER = 8;

/** Those for all else: files of weights, the jobs' database, a round's process. */
const OTHERS = 64;

/** Connections that are kept open in any case. */
const LEAST = 8;

/**
 * How many files more this process can open, at most as many as asked: tried, as nothing tells it on every system, and where there is a limit of permissions.
 * Where no file can be opened for another reason, as many as asked.
 */
export function filesLeft(asked: number): number {
  const files: Deno.FsFile[] = [], path = fileURLToPath(import.meta.url); // opened faster than a URL
  try {
    while (files.length < asked) files.push(Deno.openSync(path));
  } catch (error) {
    if (!/^E[MN]FILE$/.test((error as { code?: string }).code ?? "")) return asked;
  } finally {
    for (const file of files) file.close();
  }
  return files.length;
}

/**
 * Most connections of a service that starts now: as many as configured where the limit of open files allows it, so that workers and rounds can be started
 * however many connections there are.
 */
export function connectionsFor(
  { maxConnections, validators = someWorkers(), threads = coreThreads() }: Pick<
    ServiceConfig,
    "maxConnections" | "validators" | "threads"
  >,
  log: Log,
): number {
  const reserve = OTHERS + LEAVING + WORKER * (3 * validators + threads), left = filesLeft(maxConnections + reserve);
  const most = Math.max(Math.min(LEAST, maxConnections), left - reserve);
  if (most < maxConnections) {
    log("warn", "the limit of open files allows fewer connections", {
      connections: most,
      asked: maxConnections,
      reserve,
    });
  }
  return most;
}
