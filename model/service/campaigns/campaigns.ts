/** What is done with campaigns: one is estimated, submitted, followed, gone on with, removed. */
import { join } from "node:path";
import type { Refine } from "../../../chem/refinement/refine.ts";
import type { Validate } from "../../../chem/validator.ts";
import type { BatchValidator } from "../../../chem/validator_pool.ts";
import { type Campaign, isActive, NO_PROGRESS, reservedBytes, type StoredEvent } from "../../campaigns/campaign.ts";
import { createCollecting } from "../../campaigns/collecting.ts";
import { campaignDatabase } from "../../campaigns/database.ts";
import type { CampaignEngine } from "../../campaigns/engine.ts";
import { folderFiles } from "../../campaigns/folder_files.ts";
import type { CampaignOrder } from "../../campaigns/order.ts";
import type { ShardFiles } from "../../campaigns/shard.ts";
import { openSqliteEngine } from "../../campaigns/sqlite.ts";
import { type CampaignStore, createCampaignStore } from "../../campaigns/store.ts";
import { workShards } from "../../campaigns/work.ts";
import { storing } from "../../diffusion/storage.ts";
import type { Precision } from "../../engines/runtimes.ts";
import type { Queue } from "../../generation/queue.ts";
import type { ModelStore } from "../../models/store.ts";
import { type Lifecycle, refuseWhenDraining, refuseWhenReadOnly } from "../lifecycle.ts";
import { type CampaignController, createController } from "./controller.ts";
import { shardsFolder } from "./folders.ts";
import { createGate } from "./gate.ts";
import { type CampaignPlan, type CampaignQuota, CampaignQuotaError, createCampaignPlanner } from "./plan.ts";
import type { ResultsDeps } from "./results.ts";

/** How to open campaigns. */
export interface CampaignsOptions {
  /** The data directory. */
  readonly data: string;
  readonly store: ModelStore;
  readonly validate: () => Promise<Validate | BatchValidator>;
  readonly queue: Queue;
  readonly precision?: Precision;
  readonly refine?: Refine;
  readonly quota: CampaignQuota;
  /** Least share of the time that shards get while requests are held, 0 to 1. */
  readonly share: number;
  /** Campaigns that have ended which are kept; see `retention.ts`. All where absent. */
  readonly keep?: number;
  readonly readOnly?: () => boolean;
  /** In the place of SQLite's, and of this process's drawing: an engine that others draw for. */
  readonly remote?: { readonly engine: CampaignEngine; readonly files: ShardFiles; readonly window: number };
  /** Milliseconds until it is tried again, where there is no room. */
  readonly waitMs?: number;
  readonly onNote?: (level: "info" | "warn", message: string, fields: Record<string, unknown>) => void;
}

/** Campaigns. */
export interface Campaigns {
  readonly store: CampaignStore;
  readonly engine: CampaignEngine;
  readonly controller: CampaignController;
  readonly results: ResultsDeps;
  readonly quota: CampaignQuota;
  /** @throws as `plan.ts` has it */
  plan(order: CampaignOrder, signal: AbortSignal, client?: string): Promise<CampaignPlan>;
  /** Begins to draw, and goes on with what an earlier life of the service began. */
  recover(): Promise<void>;
  /** Stops; campaigns go on when the service starts again. */
  stop(): Promise<void>;
  /** Lets go of everything, when it has stopped. */
  close(): Promise<void>;
}

/** Shards that this process draws at once: while the last molecules of one are judged, the next is drawn. */
const WORKERS = 2;

/** Opens campaigns. Nothing is drawn until `recover`. */
export function openCampaigns(options: CampaignsOptions): Campaigns {
  const { data, store: models, validate, queue, precision = "f32", refine, quota, share, remote, keep } = options;
  const { readOnly, waitMs = 30_000, onNote = () => {} } = options, folder = join(data, "campaigns");
  const database = campaignDatabase(join(data, "campaigns.sqlite"), readOnly);
  const campaigns = createCampaignStore(database), engine = remote?.engine ?? openSqliteEngine(database);
  const files = remote?.files ?? folderFiles(shardsFolder(data));
  // One collects, and may take long for it; the other compresses what workers and readers wait for.
  const collecting = createCollecting(), packing = createCollecting(), over = new AbortController();
  const controller = createController({
    ...{ store: campaigns, engine, files, collecting, folder, mostBytes: quota.bytes, waitMs, keep, onNote },
    ...(remote && { window: remote.window }),
  });
  /** What all campaigns have, and will have. */
  const used = () =>
    campaigns.active().reduce(
      (sum, { estimate, progress: { bytes: { ndjson, sdf, parquet } } }) =>
        sum + Math.max(0, reservedBytes(estimate) - ndjson - sdf - parquet),
      campaigns.bytes,
    );
  const planned = createCampaignPlanner({
    ...{ store: models, validate, queue, precision, refine, quota, used },
    collecting: packing,
  });
  const gate = createGate(queue, share);
  let working: Promise<void>[] = [];

  async function work(name: string): Promise<void> {
    while (!over.signal.aborted) {
      try {
        await workShards({
          ...{ name, engine, signal: over.signal, model: models.model, precision, validate, files, waitMs },
          pack: packing.pack,
          slot: queue.background,
          pause: gate.pass,
        });
      } catch (error) {
        onNote("warn", "campaigns", { worker: name, error: String(error) });
        await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, 1000)));
      }
    }
  }

  return {
    ...{ store: campaigns, engine, controller, quota },
    results: { store: campaigns, collecting: packing, folderOf: controller.folderOf },
    plan: planned,
    async recover() {
      await controller.recover();
      if (!remote) working = Array.from({ length: WORKERS }, (_, k) => work(`service ${k + 1}`));
    },
    async stop() {
      over.abort(new DOMException("the service is shutting down", "AbortError"));
      await Promise.all([controller.stop(), ...working]);
    },
    async close() {
      await engine.close();
      collecting.close();
      packing.close();
      database.close();
    },
  };
}

/** @throws CampaignQuotaError where as many go on as may */
function refuseMore({ store, quota }: Campaigns): void {
  const active = store.active().length;
  if (active < quota.campaigns) return;
  throw new CampaignQuotaError(
    "campaigns",
    `at most ${quota.campaigns} campaigns may go on at once here; ${active} do`,
  );
}

/**
 * Estimates a campaign, and begins it but for `dryRun`.
 *
 * @throws ShuttingDownError, ReadOnlyError, CampaignQuotaError, UnknownModelError, NotDistilledError, ImpossibleOrderError, OverShareError, QueueFullError,
 * StorageError; the signal's reason where it is aborted
 */
export async function submitCampaign(
  all: Campaigns,
  order: CampaignOrder,
  { dryRun, lifecycle, signal, client }: {
    readonly dryRun: boolean;
    readonly lifecycle: Lifecycle;
    readonly signal: AbortSignal;
    readonly client?: string;
  },
): Promise<{ readonly plan: CampaignPlan; readonly campaign?: Campaign }> {
  refuseWhenDraining(lifecycle);
  if (!dryRun) {
    refuseWhenReadOnly(lifecycle);
    refuseMore(all);
  }
  const plan = await all.plan(order, AbortSignal.any([signal, lifecycle.signal]), client);
  if (dryRun) return { plan };
  refuseWhenDraining(lifecycle);
  refuseMore(all);
  const { store, controller } = all, id = crypto.randomUUID(), begun = { progress: NO_PROGRESS, ended: null };
  const campaign: Campaign = { id, ...plan, state: "running", reason: null, ...begun, created: Date.now() };
  await storing(() => {
    store.add(campaign);
    controller.start(campaign);
  });
  return { plan, campaign };
}

/** Goes on with one that failed. @throws ShuttingDownError, ReadOnlyError, UnknownCampaignError, CampaignStateError, CampaignQuotaError, StorageError */
export async function resumeCampaign(all: Campaigns, id: string, lifecycle: Lifecycle): Promise<Campaign> {
  refuseWhenDraining(lifecycle);
  refuseWhenReadOnly(lifecycle);
  if (!isActive(all.store.get(id).state)) refuseMore(all);
  return await storing(() => all.controller.resume(id));
}

/** Ends a campaign, and removes all of it. @throws ReadOnlyError, UnknownCampaignError, StorageError */
export async function removeCampaign({ controller }: Campaigns, id: string, lifecycle: Lifecycle): Promise<void> {
  refuseWhenReadOnly(lifecycle);
  await storing(() => controller.remove(id));
}

/**
 * Events of a campaign after one that is known (0: all of them), then those to come, until it has ended.
 *
 * @returns undefined where it has ended and there are none after the one that is known
 * @throws UnknownCampaignError; ReadOnlyError for one that goes on, whose events only the service that runs it hears
 */
export function followCampaign(
  { store, controller }: Campaigns,
  { id, after, signal }: { readonly id: string; readonly after: number; readonly signal: AbortSignal },
  lifecycle: Lifecycle,
): AsyncGenerator<StoredEvent, void, void> | undefined {
  const active = isActive(store.get(id).state);
  if (active) refuseWhenReadOnly(lifecycle);
  if (after > 0 && !active && store.events(id, { after, limit: 1 }).length === 0) return undefined;
  return controller.watch(id, after, signal);
}
