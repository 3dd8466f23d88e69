/** Serves the application over HTTP. */
import { resolve } from "node:path";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator, warmUp } from "../chem/validator.ts";
import { createValidatorPool, type ValidatorPool } from "../chem/validator_pool.ts";
import { loadModel, type ModelEntry } from "../model/models/load.ts";
import { createPlanner } from "../model/service/jobs/plan.ts";
import { openJobStore } from "../model/service/jobs/store.ts";
import { createSupervisor } from "../model/service/jobs/supervisor.ts";
import { createPublisher } from "../model/service/publisher.ts";
import { createQueue } from "../model/generation/queue.ts";
import { createModelStore, UnknownModelError } from "../model/models/store.ts";
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

/** What a test puts in the place of the service's own. */
export interface ServeOptions {
  /** Program and first arguments of the worker of a round; see `model/service/jobs/supervisor.ts`. */
  readonly trainer?: readonly string[];
}

/** Options of a worker: the service's own backend where it names one that can train. */
const workerOptions = ({ backend, threads }: Pick<ServiceConfig, "backend" | "threads">): string[] => [
  ...(backend === "auto" || backend === "wasm" ? [] : ["--backend", backend]),
  ...(threads === undefined ? [] : ["--threads", String(threads)]),
];

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
  const missing = config.preload.find((name) => !entries.some((entry) => entry.name === name));
  if (missing) throw new UnknownModelError(missing, entries.map(({ name }) => name));
  const lifecycle = createLifecycle();
  const load = (entry: ModelEntry) => loadModel(entry, config), store = createModelStore(entries, load);
  const onFault = (error: Error) => log("warn", "validation", { error: String(error) });
  // Its workers start with the first request that they are worth it for, so that they do not hold up the first molecule.
  let chemistry: Promise<ValidatorPool> | undefined;
  const validate = () =>
    chemistry ??= createRdkit().then((rdkit) =>
      createValidatorPool({ validate: warmUp(createValidator(rdkit)), workers: config.validators, onFault })
    );
  const queue = createQueue({ limit: config.maxRequests, sliceMs: config.sliceMs });
  const data = resolve(config.dataDir);
  const publisher = createPublisher({
    store,
    data,
    load,
    queue,
    onFault: (error) => log("warn", "data directory", { error: String(error) }),
  });
  const jobStore = openJobStore(`${data}/jobs.sqlite`);
  const supervisor = createSupervisor({
    store: jobStore,
    data,
    publisher,
    queue,
    share: config.trainerShare,
    killSeconds: config.shutdownSeconds,
    trainer,
    options: workerOptions(config),
    onNote: log,
  });
  const jobs = { store: jobStore, supervisor, plan: createPlanner({ store, queue, data }) };
  const app = createApp({ store, validate, queue, config, lifecycle, log, jobs, publisher });

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
  // Rounds go on when the models are there, so that the service is ready as soon as without them.
  const recovered = ready.then(async () => {
    await publisher.sweep();
    await supervisor.recover();
  }).catch((error) => log("warn", "jobs could not go on", { error: String(error) }));
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
        await publisher.idle();
        jobStore.close();
        store.dispose();
        (await chemistry?.catch(() => {}))?.close();
        log("info", "stopped");
      }, { drainSeconds, shutdownSeconds: config.shutdownSeconds }),
  };
}
