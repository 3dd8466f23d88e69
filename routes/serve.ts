/** Serves the application over HTTP. */
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator, type Validate } from "../chem/validator.ts";
import { loadModel, type ModelEntry } from "../model/load.ts";
import { createQueue } from "../model/queue.ts";
import { createModelStore, UnknownModelError } from "../model/store.ts";
import { createApp } from "./app.ts";
import type { ServiceConfig } from "./config.ts";
import { createLifecycle, shutDown } from "./lifecycle.ts";
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

/**
 * Begins to listen at once; chemistry and the models to preload are loaded meanwhile, and `/health/ready` tells when
 * they are there.
 *
 * @throws UnknownModelError where a model to preload is not among `entries`; Deno.errors.AddrInUse
 */
export function serve(config: ServiceConfig, entries: readonly ModelEntry[], log: Log): Service {
  const missing = config.preload.find((name) => !entries.some((entry) => entry.name === name));
  if (missing) throw new UnknownModelError(missing, entries.map(({ name }) => name));
  const lifecycle = createLifecycle();
  const store = createModelStore(
    entries,
    (entry) => loadModel(entry, config),
  );
  let chemistry: Promise<Validate> | undefined;
  const validate = () => chemistry ??= createRdkit().then(createValidator);
  const queue = createQueue({ limit: config.maxRequests, sliceMs: config.sliceMs });
  const app = createApp({ store, validate, queue, config, lifecycle, log });

  const started = performance.now();
  const server = Deno.serve({
    hostname: config.host,
    port: config.port,
    onListen: ({ hostname, port }) => log("info", "listening", { hostname, port }),
  }, app.fetch);

  const warm = async () => {
    const [, ...models] = await Promise.all([validate(), ...config.preload.map((name) => store.model(name))]);
    lifecycle.enter("ready");
    const backends = models.map(({ card, backend }) => ({ model: card.name, ...backend }));
    log("info", "ready", { ms: Math.round(performance.now() - started), backends });
  };
  const ready = warm().catch((error) => {
    lifecycle.enter("failed");
    log("error", "could not load", { error: String(error), stack: (error as Error).stack });
    throw error;
  });
  // Whoever awaits `ready` hears of it; a service that nobody awaits goes on and says so at /health/ready.
  ready.catch(() => {});

  let stopping: Promise<void> | undefined;
  return {
    port: (server.addr as Deno.NetAddr).port,
    ready,
    finished: server.finished,
    stop: (drainSeconds = config.drainSeconds) =>
      stopping ??= shutDown(lifecycle, async () => {
        await server.shutdown();
        await ready.catch(() => {});
        store.dispose();
        log("info", "stopped");
      }, { drainSeconds, shutdownSeconds: config.shutdownSeconds }),
  };
}
