import assert from "node:assert/strict";
import { campaignDatabase } from "../../../model/campaigns/database.ts";
import { createCampaignStore } from "../../../model/campaigns/store.ts";
import { withFolder } from "../tiny_model.ts";
import { madeCampaign } from "./made_shards.ts";

Deno.test("the campaigns' database of version 1 is brought up to date: events of progress lose their counts by reason, the campaign keeps them", () =>
  withFolder((folder) => {
    const path = `${folder}/campaigns.sqlite`, campaign = madeCampaign();
    const before = { ...campaign.progress, shards: 1, rejected: { logP: 5 } }, told = { type: "progress", ...before };
    const old = campaignDatabase(path);
    createCampaignStore(old).add({ ...campaign, progress: before });
    old.open().prepare("INSERT INTO events (campaign, type, at, event) VALUES (?, 'progress', 1, ?)")
      .run(campaign.id, JSON.stringify(told));
    old.open().exec("PRAGMA user_version = 1");
    old.close();
    const database = campaignDatabase(path), store = createCampaignStore(database);
    try {
      const { rejected: _, ...rest } = told;
      assert.deepEqual(store.events(campaign.id).map(({ event }) => event), [rest]);
      assert.deepEqual(store.get(campaign.id).progress.rejected, { logP: 5 });
    } finally {
      database.close();
    }
    return Promise.resolve();
  }));
