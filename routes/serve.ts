/** Serves the application over HTTP. */
import type { ModelEntry } from "../model/models/load.ts";
import { shutDown } from "../model/service/lifecycle.ts";
import { openService } from "../model/service/open.ts";
import { openAccess } from "./access/open.ts";
import { createApp } from "./app.ts";
import type { ServiceConfig } from "./config.ts";
import { connectionsFor } from "./descriptors.ts";
import { openDoor } from "./door.ts";
import type { Log } from "./log.ts";
import { watchLoop } from "./loop_lag.ts";
import { createMeters } from "./meters.ts";

/** A service that listens. */
export interface Service {
  readonly port: number;
  /** Resolves when the models to preload are there; rejects where one cannot be loaded. */
  readonly ready: Promise<void>;
  /** Resolves when the service has stopped. */
  readonly finished: Promise<void>;
  /** Stops: see `shutDown`. @param drainSeconds in place of the configuration's */
  stop(drainSeconds?: number): Promise<void>;
}

/** How long connections stay open after their requests have been aborted. */
const LAST_WORDS_MS = 500;

/** What a test puts in the place of the service's own. */
interface ServeOptions {
  /** Program and first arguments of the worker of a round; see `model/service/jobs/local_runner.ts`. */
  readonly trainer?: readonly string[];
}

/**
 * Begins to listen at once; chemistry and the models to preload are loaded meanwhile, and `/health/ready` tells when
 * they are there.
 *
 * @throws TypeError where the file of tokens cannot be read; UnknownModelError where a model to preload is not among `entries`; Deno.errors.AddrInUse
 */
export function serve(
  config: ServiceConfig,
  entries: readonly ModelEntry[],
  log: Log,
  { trainer }: ServeOptions = {},
): Service {
  const { access, ...tokens } = openAccess(config, log);
  const service = openService(config, entries, log, trainer), { lifecycle, campaigns, jobs: { supervisor } } = service;
  const meters = config.metrics ? createMeters() : undefined;
  const lag = meters && watchLoop({ onLag: (ms) => meters.lag(ms / 1000) });
  const app = createApp({ ...service, access, config, log, meters });
  const door = openDoor(app.fetch, {
    hostname: config.host,
    port: config.port,
    maxConnections: connectionsFor(config, log),
    headMs: 1000 * config.headSeconds,
    bodyMs: 1000 * config.bodySeconds,
    writeMs: 1000 * config.writeSeconds,
    onNote: log,
    onRefusal: meters?.refusal,
  });
  meters?.watch({ ...service, jobs: service.jobs.store, door, lag });
  if (meters) campaigns.controller.observe(meters.shards);
  log("info", "listening", { hostname: door.hostname, port: door.port, pid: Deno.pid });
  tokens.begin();
  // Whoever has been told that it is over has a moment to read it.
  let last: ReturnType<typeof setTimeout> | undefined;
  lifecycle.signal.addEventListener("abort", () => last = setTimeout(door.abort, LAST_WORDS_MS), { once: true });
  const finished = Promise.withResolvers<void>();

  const ready = service.warm();
  // Rounds go on when the models are there, so that the service is ready as soon as without them.
  const recovered = ready.then(service.recover)
    .catch((error) => log("warn", "jobs could not go on", { error: String(error) }));
  // Whoever awaits `ready` hears of it; a service that nobody awaits goes on and says so at /health/ready.
  ready.catch(() => {});

  let stopping: Promise<void> | undefined;
  return {
    port: door.port,
    ready,
    finished: finished.promise,
    stop: (drainSeconds = config.drainSeconds) =>
      stopping ??= shutDown(lifecycle, async () => {
        await Promise.all([door.close().then(finished.resolve), supervisor.stop(), campaigns.stop(), tokens.end()]);
        clearTimeout(last);
        await recovered;
        lag?.stop();
        await service.close();
        log("info", "stopped");
      }, { drainSeconds, shutdownSeconds: config.shutdownSeconds }),
  };
}
