/** Keeps a service running on one data directory: starts it, kills it, drains it, and knows whether a request could have been answered. */
import type { RuntimeChoice } from "../../model/engines/runtimes.ts";
import { type ServiceProcess, startService } from "../service_process.ts";
import type { Tally } from "./tally.ts";

/** How a process of the service is ended on purpose. */
export type Ending = "SIGKILL" | "SIGTERM";

/** A process of the service, from its start to its end. */
export interface Life {
  readonly number: number;
  readonly process: ServiceProcess;
  readonly url: string;
  /** How it is being ended, and since when (`performance.now()`). */
  ending?: { readonly signal: Ending; readonly at: number };
}

/** What to keep running. */
export interface KeeperOptions {
  readonly root: string;
  readonly model: string;
  readonly backend: RuntimeChoice;
  /** The data directory. */
  readonly data: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly tally: Tally;
  readonly onLine: (line: string) => void;
  /** Told of each life when it is ready, and with null when it is being ended. */
  readonly onLife: (life: Life | null) => void;
}

/** See above. */
export interface Keeper {
  /** The service that runs, as soon as one is ready. */
  up(): Promise<Life>;
  /** Ends the service. */
  end(signal: Ending): Promise<void>;
  /** Ends the service and starts it again. */
  restart(signal: Ending): Promise<Life>;
}

/** Seconds that a service may take to end after SIGTERM, more than it gives its requests. */
const PATIENCE = 60;

/** Starts the first. @throws Error where it does not start */
export async function keep({ tally, onLife, ...options }: KeeperOptions): Promise<Keeper> {
  let lives = 0, current = start();

  async function start(): Promise<Life> {
    const process = await startService({ ...options, launched: true }),
      life: Life = { number: ++lives, process, url: process.url };
    tally.event(`life ${life.number} is ready after ${Math.round(process.readyMs)} ms, process ${process.pid}`);
    process.ended.then(({ code, signal }) => {
      if (life.ending) return;
      tally.fault(`the service ended by itself, with ${signal ?? `status ${code}`}`);
      life.ending = { signal: "SIGKILL", at: performance.now() };
      onLife(null);
      process.stop().then(() => current = start()).catch(() => {});
    });
    onLife(life);
    return life;
  }

  async function end(signal: Ending): Promise<void> {
    const life = await current;
    onLife(null);
    life.ending = { signal, at: performance.now() };
    tally.event(`${signal} to life ${life.number}`);
    const late = setTimeout(() => {
      tally.fault(`the service had not ended ${PATIENCE} s after ${signal}`);
      life.process.stop("SIGKILL");
    }, 1000 * PATIENCE);
    await life.process.stop(signal);
    clearTimeout(late);
    const { code, signal: by } = await life.process.ended;
    if (signal === "SIGTERM" && code !== 0) {
      tally.fault(`the service must end with status 0 after SIGTERM; got ${by ?? code}`);
    }
  }

  await current;
  return {
    up: () => current,
    end,
    async restart(signal) {
      const over = end(signal);
      current = over.then(start);
      current.catch(() => {}); // whoever asks hears of it
      return await current;
    },
  };
}

/** What became of a request whose connection was cut. */
export type Cut = "cut by a kill" | "cut by the end of a drain" | "not taken any more" | "fault";

/** Milliseconds for which a request may have waited to be accepted when the service was told to stop. */
const ACCEPTANCE = 2000;

/**
 * Whether a request of a life may have been cut: SIGKILL cuts whatever there is; a service that drains finishes what it has begun, within its time.
 *
 * @param asked when it was asked, `performance.now()`
 * @param begun whether an answer had begun
 * @param shutdownSeconds that requests in flight have after SIGTERM, and the drain before
 */
export function judgeCut(
  { ending }: Pick<Life, "ending">,
  { asked, begun, shutdownSeconds, now = performance.now() }: {
    readonly asked: number;
    readonly begun: boolean;
    readonly shutdownSeconds: number;
    readonly now?: number;
  },
): Cut {
  if (!ending) return "fault";
  if (ending.signal === "SIGKILL") return "cut by a kill";
  if (now - ending.at > 1000 * shutdownSeconds) return "cut by the end of a drain";
  return !begun && asked > ending.at - ACCEPTANCE ? "not taken any more" : "fault";
}
