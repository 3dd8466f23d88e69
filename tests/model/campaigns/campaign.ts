/** A campaign of shards that nobody has to draw, and those who run it: for tests with processes that are killed, and for simulations. */
import { join } from "node:path";
import { type Campaign, NO_PROGRESS } from "../../../model/campaigns/campaign.ts";
import { createCollecting } from "../../../model/campaigns/collecting.ts";
import { campaignDatabase } from "../../../model/campaigns/database.ts";
import type { CampaignEngine } from "../../../model/campaigns/engine.ts";
import { folderFiles } from "../../../model/campaigns/folder_files.ts";
import { campaignOrder } from "../../../model/campaigns/order.ts";
import type { ShardFiles } from "../../../model/campaigns/shard.ts";
import { createCampaignStore } from "../../../model/campaigns/store.ts";
import { type WorkOptions, workShards } from "../../../model/campaigns/work.ts";
import { createController } from "../../../model/service/campaigns/controller.ts";
import { shardsFolder } from "../../../model/service/campaigns/folders.ts";
import { fakeShard, orderOf } from "./shards.ts";

/** A campaign that wants so many molecules of so many shards. */
export function campaignOf(id: string, { want, shards }: { readonly want: number; readonly shards: number }): Campaign {
  const { settings, version, backend, precision, refine, seed, count } = orderOf(id, 0), draws = count * shards;
  const order = campaignOrder.parse({ want, maxDraws: draws, steps: settings.steps, seed, shardSize: count });
  const most = { draws, seconds: 1, bytes: 1 };
  const estimate = {
    trial: { drawn: 1, passed: 1, duplicates: 0, seconds: 1 },
    ...{
      moleculesPerSecond: 1,
      passRate: 1,
      passRateInterval: [1, 1] as [number, number],
      draws,
      seconds: 1,
      bytes: 1,
      most,
      enough: true,
    },
  };
  return {
    ...{ id, order, seed, draws, shards, settings, estimate, means: { version, backend, precision, refine } },
    ...{ state: "running", reason: null, progress: NO_PROGRESS, created: 0, ended: null },
  };
}

/** Who offers and collects: as a service does. The campaign is begun where its database has it not. */
export function openCollection(
  { data, engine: open, files = folderFiles(shardsFolder(data)), window, campaign, onProgress }: {
    readonly data: string;
    readonly engine: (database: ReturnType<typeof campaignDatabase>) => CampaignEngine;
    readonly files?: ShardFiles;
    readonly window: number;
    readonly campaign: Campaign;
    readonly onProgress?: (campaign: Campaign) => void;
  },
) {
  const database = campaignDatabase(join(data, "campaigns.sqlite")), store = createCampaignStore(database);
  const engine = open(database), collecting = createCollecting(), folder = join(data, "campaigns");
  const controller = createController({
    ...{ store, engine, files, collecting, folder, window },
    ...{ mostBytes: 2 ** 40, waitMs: 200 },
    onNote: (_, message, fields) => Deno.env.get("MOLSTEP_LOG_LEVEL") && console.error(message, fields),
  });
  return {
    engine,
    files,
    store,
    /** Goes on until the campaign is done. @throws Error where it fails */
    async done(): Promise<Campaign> {
      if (store.count === 0) store.add(campaign);
      await controller.recover();
      const never = new AbortController();
      for await (const { event } of controller.watch(campaign.id, 0, never.signal)) {
        if (event.type === "progress") onProgress?.(controller.get(campaign.id));
      }
      const ended = controller.get(campaign.id);
      if (ended.state !== "done") throw new Error(`the campaign is ${ended.state}: ${ended.reason}`);
      return ended;
    },
    async close() {
      await controller.stop();
      await engine.close();
      collecting.close();
      database.close();
    },
  };
}

/** Works as a worker does, but that it makes files without a model, each in so many milliseconds. */
export const fakeWork = (
  { name, engine, files, signal, ms, beatMs, line }:
    & Pick<WorkOptions, "name" | "engine" | "files" | "signal" | "beatMs">
    & {
      readonly ms: number | (() => number);
      /** What is said of each molecule. */
      readonly line?: Readonly<Record<string, unknown>>;
    },
): Promise<void> =>
  workShards({
    ...{ name, engine, files, signal, beatMs, precision: "f32" },
    ...{
      model: () => Promise.reject(new Error("not asked for")),
      validate: () => Promise.reject(new Error("not asked for")),
    },
    pack: () => Promise.reject(new Error("not asked for")),
    async run(order, { files }) {
      await new Promise((resolve) => setTimeout(resolve, typeof ms === "number" ? ms : ms()));
      return await fakeShard(order, files, line);
    },
  });
