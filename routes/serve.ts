/** Serves the application over HTTP. */
import type { ModelEntry } from "../model/models/load.ts";
import { shutDown } from "../model/service/lifecycle.ts";
import { openService } from "../model/service/open.ts";
import { createApp } from "./app.ts";
import type { ServiceConfig } from "./config.ts";
import type { Log } from "./log.ts";

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

/** What a test puts in the place of the service's own. */
interface ServeOptions {
  /** Program and first arguments of the worker of a round; see `model/service/jobs/supervisor.ts`. */
  readonly trainer?: readonly string[];
}

/**
 * Begins to listen at once; chemistry and the models to preload are loaded meanwhile, and `/health/ready` tells when
 * they are there.
 *
 * @throws UnknownModelError where a model to preload is not among `entries`; Deno.errors.AddrInUse
 */
export function serve(
  config: ServiceConfig,
  entries: readonly ModelEntry[],
  log: Log,
  { trainer }: ServeOptions = {},
): Service {
  const service = openService(config, entries, log, trainer), { lifecycle, jobs: { supervisor } } = service;
  const server = Deno.serve({
    hostname: config.host,
    port: config.port,
    onListen: ({ hostname, port }) => log("info", "listening", { hostname, port }),
  }, createApp({ ...service, config, log }).fetch);

  const ready = service.warm();
  // Rounds go on when the models are there, so that the service is ready as soon as without them.
  const recovered = ready.then(service.recover)
    .catch((error) => log("warn", "jobs could not go on", { error: String(error) }));
  // Whoever awaits `ready` hears of it; a service that nobody awaits goes on and says so at /health/ready.
  ready.catch(() => {});

  let stopping: Promise<void> | undefined;
  return {
    port: (server.addr as Deno.NetAddr).port,
    ready,
    finished: server.finished,
    stop: (drainSeconds = config.drainSeconds) =>
      stopping ??= shutDown(lifecycle, async () => {
        await Promise.all([server.shutdown(), supervisor.stop()]);
        await recovered;
        await service.close();
        log("info", "stopped");
      }, { drainSeconds, shutdownSeconds: config.shutdownSeconds }),
  };
}
