/** The parts of a service, put together: models, chemistry, the queue, jobs, and the publisher. */
import { resolve } from "node:path";
import type { Refine } from "../../chem/refinement/refine.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { createValidator, warmUp } from "../../chem/validator.ts";
import type { ValidatorPool } from "../../chem/validator_pool.ts";
import { createConformerPool } from "../generation/conformer_pool.ts";
import { createQueue } from "../generation/queue.ts";
import { createRefiningPool } from "../generation/refiner.ts";
import type { LoadOptions, ModelEntry } from "../models/load.ts";
import { createModelStore, UnknownModelError } from "../models/store.ts";
import { openCampaigns } from "./campaigns/campaigns.ts";
import type { CampaignQuota } from "./campaigns/plan.ts";
import { openRemote, PATIENCE, shardFilesAt } from "./campaigns/remote.ts";
import type { BucketEnvironment } from "../campaigns/bucket_place.ts";
import { localRunner, trainingAs } from "./jobs/local_runner.ts";
import { natsExchange } from "./jobs/nats/exchange.ts";
import { natsRunner } from "./jobs/nats_runner.ts";
import { createPlanner } from "./jobs/plan.ts";
import type { ROUND_PLACES } from "./jobs/runner.ts";
import { openJobStore } from "./jobs/store.ts";
import { createSupervisor } from "./jobs/supervisor.ts";
import { createLifecycle, refuseWhenReadOnly } from "./lifecycle.ts";
import { ownData } from "./ownership.ts";
import { createPublisher } from "./publisher.ts";
import { rehearse } from "./rehearsal.ts";
import { openSets, type SetQuota } from "./sets.ts";
import { loadTried } from "./tried.ts";

/** What a service is told. */
export interface ServiceSettings extends LoadOptions {
  /** Models that are loaded at once. */
  readonly preload: readonly string[];
  /** Most workers that validate, as many that draw conformers, and as many that decode with each model; see `createValidatorPool`. */
  readonly validators: number | undefined;
  readonly maxRequests: number;
  /** Molecule-steps of all requests held. */
  readonly maxHeldWork: number;
  /** Of both, what one client may hold, 0 to 1. */
  readonly clientShare: number;
  readonly sliceMs: number;
  /** The data directory. */
  readonly dataDir: string;
  /** Jobs that have ended whose folders are kept. */
  readonly keepJobs: number;
  readonly trainerShare: number;
  readonly shutdownSeconds: number;
  /** How molecules are refined where an order does not say; as the cards have it where absent. */
  readonly refine?: Refine;
  /** What campaigns may take. */
  readonly campaigns: CampaignQuota;
  /** Campaigns that have ended which are kept. */
  readonly keepCampaigns: number;
  readonly campaignShare: number;
  /** What sets of molecules may take. */
  readonly sets: SetQuota;
  /** A NATS server, where others draw the shards of campaigns, and where their files are. */
  readonly nats: string | undefined;
  readonly shardFiles: string | undefined;
  /** `workers` goes with `nats`. */
  readonly rounds: typeof ROUND_PLACES[number];
  readonly bucket: BucketEnvironment;
}

/** Tells an operator what happens. */
type Note = (level: "debug" | "info" | "warn" | "error", message: string, fields?: Record<string, unknown>) => void;

/**
 * Opens a service. Nothing is loaded yet: see `warm`. Where another service has the data directory, or nothing can be written there,
 * this one only reads it, and says so, until it is free.
 *
 * @param trainer program and first arguments of the worker of a round; see `jobs/local_runner.ts`
 * @throws UnknownModelError where a model to preload is not among `entries`
 */
export function openService(
  settings: ServiceSettings,
  entries: readonly ModelEntry[],
  note: Note,
  trainer?: readonly string[],
) {
  const missing = settings.preload.find((name) => !entries.some((entry) => entry.name === name));
  if (missing) throw new UnknownModelError(missing, entries.map(({ name }) => name));
  const faultIn = (what: string) => (error: Error) => note("warn", what, { error: String(error) });
  const data = resolve(settings.dataDir), owner = ownData(data), lifecycle = createLifecycle(owner);
  if (owner.refusal) note("warn", "data directory is read-only", { why: owner.refusal });
  const options: LoadOptions = { ...settings, decoders: settings.validators, onFault: faultIn("decoding") };
  const load = (entry: ModelEntry) =>
    loadTried(entry, options, (student) => note("warn", "student taken out of service", { ...student }));
  const store = createModelStore(entries, load);
  // Its workers start with the first request that they are worth it for, so that they do not hold up the first molecule.
  let chemistry: Promise<ValidatorPool> | undefined;
  const validate = () =>
    chemistry ??= createRdkit().then((rdkit) =>
      createRefiningPool({
        validate: warmUp(createValidator(rdkit)),
        workers: settings.validators,
        onFault: faultIn("validation"),
      })
    );
  const conformers = createConformerPool({ workers: settings.validators, onFault: faultIn("conformers") });
  const { maxRequests: limit, maxHeldWork: maxWork, clientShare: share, sliceMs } = settings;
  const queue = createQueue({ limit, maxWork, share, sliceMs });
  const publisher = createPublisher({
    ...{ store, data, load, queue, onFault: faultIn("data directory") },
    guard: () => refuseWhenReadOnly(lifecycle),
  });
  const jobStore = openJobStore(`${data}/jobs.sqlite`, { readOnly: () => lifecycle.readOnly !== undefined });
  const elsewhere = settings.rounds === "workers" && settings.nats !== undefined
    ? natsExchange({ servers: settings.nats, patience: PATIENCE })
    : undefined;
  const files = () => shardFilesAt(data, settings.shardFiles, settings.bucket);
  const runner = elsewhere ? natsRunner({ exchange: elsewhere, files: files(), onNote: note }) : localRunner({
    ...{ queue, trainer, share: settings.trainerShare, killSeconds: settings.shutdownSeconds, onNote: note },
    ...trainingAs(settings),
  });
  const supervisor = createSupervisor({
    ...{ store: jobStore, data, publisher, runner, keepJobs: settings.keepJobs, onNote: note },
  });
  const sets = openSets({ data, quota: settings.sets });
  // What memory a worker's machine has is not known here, and it has no sets of clients.
  const plan = createPlanner({ store, queue, data, ...(elsewhere ? { available: () => undefined } : { sets }) });
  const jobs = { store: jobStore, supervisor, plan };
  const campaigns = openCampaigns({
    ...{ data, store, validate, queue, precision: settings.precision, refine: settings.refine, onNote: note },
    quota: settings.campaigns,
    keep: settings.keepCampaigns,
    remote: openRemote({ ...settings, data }),
    share: settings.campaignShare,
    readOnly: () => lifecycle.readOnly !== undefined,
  });
  /** Sees to what an earlier life of the service left behind, or another service that had the data directory. */
  const goOn = async () => {
    await publisher.sweep();
    await supervisor.recover();
    await campaigns.recover();
    await sets.sweep();
  };
  const takeOver = async () => {
    note("info", "data directory is this service's now");
    await publisher.refresh();
    await goOn();
  };

  return {
    ...{ lifecycle, store, validate, queue, jobs, publisher, campaigns, sets, conformers },
    /**
     * Loads chemistry and the models to preload, which are tried, side by side; then the service is ready.
     *
     * @throws where one cannot be loaded, or its undistilled weights draw nothing
     */
    async warm(): Promise<void> {
      const started = performance.now();
      try {
        const [judge, ...models] = await Promise.all([
          validate(),
          ...settings.preload.map((name) => store.model(name)),
        ]);
        // To open a worker holds this thread for some tens of milliseconds: before requests come. Nobody waits for it.
        for (const { autoencoder } of models) autoencoder.warm?.();
        for (const model of models) await rehearse(model, judge);
        lifecycle.enter("ready");
        const backends = models.map(({ card, backend }) => ({ model: card.name, ...backend }));
        note("info", "ready", { ms: Math.round(performance.now() - started), backends });
      } catch (error) {
        lifecycle.enter("failed");
        note("error", "could not load", { error: String(error), stack: (error as Error).stack });
        throw error;
      }
    },
    /** Sees to what an earlier life of the service left behind: at once, or as soon as the data directory is free. */
    async recover(): Promise<void> {
      if (!lifecycle.readOnly) await goOn();
      else owner.wait(() => takeOver().catch(faultIn("data directory")));
    },
    /** Lets go of everything, when no request is in flight any more, and `supervisor` and `campaigns` have stopped. */
    async close(): Promise<void> {
      await publisher.idle();
      await campaigns.close();
      await elsewhere?.close();
      jobStore.close();
      await owner.release();
      store.dispose();
      conformers.close();
      (await chemistry?.catch(() => {}))?.close();
    },
  };
}
