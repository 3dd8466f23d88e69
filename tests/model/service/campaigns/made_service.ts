/** Campaigns of made shards in a folder, for tests. */
import { gzipSync } from "node:zlib";
import { type Collecting, createCollecting } from "../../../../model/campaigns/collecting.ts";
import { campaignDatabase } from "../../../../model/campaigns/database.ts";
import type { CampaignEngine } from "../../../../model/campaigns/engine.ts";
import { folderFiles } from "../../../../model/campaigns/folder_files.ts";
import type { ShardDeps, ShardFiles } from "../../../../model/campaigns/shard.ts";
import { openSqliteEngine } from "../../../../model/campaigns/sqlite.ts";
import { type CampaignStore, createCampaignStore } from "../../../../model/campaigns/store.ts";
import { type WorkOptions, workShards } from "../../../../model/campaigns/work.ts";
import { type ControllerOptions, createController } from "../../../../model/service/campaigns/controller.ts";
import { runMade } from "../../campaigns/made_shards.ts";

/** How to open them. */
export interface MadeOptions extends Partial<Pick<ControllerOptions, "mostBytes" | "window" | "waitMs" | "keep">> {
  readonly workers?: number;
  readonly run?: WorkOptions["run"];
  readonly maxDeliver?: number;
  /** What stands before the files of shards. */
  readonly files?: (files: ShardFiles) => ShardFiles;
  /** And before the engine, for the controller; collectors and the store. */
  readonly engine?: (engine: CampaignEngine) => CampaignEngine;
  readonly collecting?: (collecting: Collecting) => Collecting;
  readonly store?: (store: CampaignStore) => CampaignStore;
}

const nothing = () => Promise.reject(new Error("made shards need no model"));

/** Opens the campaigns of a folder, and begins to work. */
export function openMade(data: string, options: MadeOptions = {}) {
  const { workers = 2, run = runMade, maxDeliver, mostBytes = 2 ** 30, window = 4, waitMs = 20, keep } = options;
  const same = <T>(one: T) => one, before = { files: same, engine: same, collecting: same, store: same, ...options };
  const database = campaignDatabase(`${data}/campaigns.sqlite`), store = before.store(createCampaignStore(database));
  const engine = openSqliteEngine(database, { maxDeliver }), collecting = before.collecting(createCollecting());
  const files = before.files(folderFiles(`${data}/campaigns/shards`));
  const controller = createController({
    ...{
      store,
      engine: before.engine(engine),
      files,
      collecting,
      folder: `${data}/campaigns`,
      mostBytes,
      window,
      waitMs,
      keep,
    },
  });
  const over = new AbortController();
  const deps: ShardDeps = {
    model: nothing,
    validate: nothing,
    precision: "f32",
    files,
    pack: (text) => Promise.resolve(gzipSync(text)),
  };
  const working = Array.from(
    { length: workers },
    (_, k) => workShards({ ...deps, engine, run, waitMs, name: `worker ${k + 1}`, signal: over.signal }),
  );
  return {
    ...{ store, engine, controller, collecting },
    /** Resolves when a campaign is in a state. */
    async until(id: string, ...states: readonly string[]) {
      const begun = performance.now();
      while (!states.includes(controller.get(id).state)) {
        if (performance.now() - begun > 120_000) throw new Error(`campaign is ${JSON.stringify(controller.get(id))}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return controller.get(id);
    },
    async close() {
      over.abort();
      await Promise.all([controller.stop(), ...working]);
      collecting.close();
      database.close();
    },
  };
}

/** The bytes of a campaign's results, by the names of files. */
export async function resultsOf(data: string, id: string): Promise<Record<string, Uint8Array>> {
  const names = ["results.ndjson.gz", "results.sdf.gz", "results.parquet"];
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await Deno.readFile(`${data}/campaigns/${id}/${name}`)])),
  );
}
