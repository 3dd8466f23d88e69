/** molstep worker */
import { hostname } from "node:os";
import { resolve } from "node:path";
import { createRdkit } from "../chem/rdkit.ts";
import { createValidator, warmUp } from "../chem/validator.ts";
import { createCollecting } from "../model/campaigns/collecting.ts";
import { openNatsEngine } from "../model/campaigns/nats.ts";
import { toldServers } from "../model/campaigns/nats/address.ts";
import { workShards } from "../model/campaigns/work.ts";
import { createQueue } from "../model/generation/queue.ts";
import { createRefiningPool } from "../model/generation/refiner.ts";
import { createModelStore } from "../model/models/store.ts";
import { roundsFolder } from "../model/service/campaigns/folders.ts";
import { shardFilesAt } from "../model/service/campaigns/remote.ts";
import { localRunner, trainingAs } from "../model/service/jobs/local_runner.ts";
import { natsExchange } from "../model/service/jobs/nats/exchange.ts";
import { workRounds } from "../model/service/jobs/nats/work.ts";
import { watchLauncher } from "../model/service/launcher.ts";
import { loadTried } from "../model/service/tried.ts";
import { createLog, type Log } from "../routes/log.ts";
import { command } from "./command.ts";
import { findModels } from "./models.ts";
import { workerConfig, workerOptions } from "./worker_options.ts";

/** What a worker works with, of either kind. */
interface Work {
  readonly name: string;
  readonly config: ReturnType<typeof workerConfig>;
  /** The data directory. */
  readonly data: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Draws shards until the signal is aborted. */
async function drawShards({ name, config, data, log, signal }: Work, shards: number): Promise<void> {
  const faultIn = (what: string) => (error: Error) => log("warn", what, { error: String(error) });
  const entries = await findModels(config.models, { data, onFault: faultIn("data directory") });
  const load = { ...config, decoders: config.validators, onFault: faultIn("decoding") };
  const store = createModelStore(
    entries,
    (entry) => loadTried(entry, load, (student) => log("warn", "student taken out of service", { ...student })),
  );
  const validator = createRdkit().then((rdkit) =>
    createRefiningPool({
      validate: warmUp(createValidator(rdkit)),
      workers: config.validators,
      onFault: faultIn("validation"),
    })
  );
  const packing = createCollecting(), queue = createQueue({ sliceMs: config.sliceMs });
  const engine = await openNatsEngine({ servers: config.nats, wait: true });
  log("info", "working", { worker: name, nats: toldServers(config.nats), shards, pid: Deno.pid });
  const work = async (worker: string): Promise<void> => {
    while (!signal.aborted) {
      try {
        await workShards({
          ...{ name: worker, engine, signal, model: store.model, precision: config.precision },
          ...{ validate: () => validator, files: shardFilesAt(data, config.shardFiles, config.bucket) },
          ...{ pack: packing.pack, slot: queue.background },
          onShard({ campaign, shard }, { result, error }) {
            if (error === undefined) log("info", "shard", { campaign, shard, ...result });
            else log(signal.aborted ? "debug" : "warn", "shard", { campaign, shard, error: String(error) });
          },
        });
      } catch (error) {
        log("warn", "worker", { worker, error: String(error) });
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
  };
  await Promise.all(Array.from({ length: shards }, (_, k) => work(shards === 1 ? name : `${name} ${k + 1}`)));
  await engine.close();
  packing.close();
  (await validator).close();
  store.dispose();
}

/** Trains rounds, one at a time, until the signal is aborted. */
async function trainRounds({ name, config, data, log, signal }: Work, folder: string): Promise<void> {
  const exchange = natsExchange({ servers: config.nats });
  const files = shardFilesAt(data, config.shardFiles, config.bucket);
  log("info", "working", { worker: name, nats: toldServers(config.nats), rounds: folder, pid: Deno.pid });
  const runner = localRunner({ ...trainingAs(config), queue: { held: 0 }, onNote: log });
  await workRounds({ name, exchange, files, folder, runner, signal, onNote: log });
  await exchange.close();
}

/** Works until it is stopped; what is begun is given back then. */
export const workerCommand = command({
  summary:
    "Draws shards of campaigns for a service with --nats, or trains its rounds. Configured by the environment (docs/configuration.md) and these options.",
  options: workerOptions,
  async run(options, { environment, error, signal }) {
    const { shards, rounds, folder, name = `${hostname()} ${Deno.pid}`, ...given } = options;
    const config = workerConfig(given, environment), data = resolve(config.dataDir);
    const log = createLog({ level: config.logLevel, write: (line) => error(line + "\n") });
    const over = new AbortController();
    const stop = (why: string) => {
      log("info", "stopping", { why });
      over.abort(new DOMException("the worker is stopping", "AbortError"));
    };
    Deno.addSignalListener("SIGTERM", () => stop("SIGTERM"));
    signal.addEventListener("abort", () => stop("SIGINT"), { once: true });
    const unwatch = watchLauncher(environment, () => stop("the launcher has ended"));
    const work: Work = { name, config, data, log, signal: over.signal };
    await (rounds ? trainRounds(work, resolve(folder ?? roundsFolder(data))) : drawShards(work, shards));
    unwatch();
    log("info", "stopped");
    return 0;
  },
});
