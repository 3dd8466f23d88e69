import assert from "node:assert/strict";
import type { Taken } from "../../model/campaigns/collect.ts";
import { createMeters } from "../../routes/meters.ts";
import { madeCampaign, runMade } from "../model/campaigns/made_shards.ts";
import { withFolder } from "../model/tiny_model.ts";
import { type MadeOptions, openMade } from "../model/service/campaigns/made_service.ts";
import { readMetrics } from "./metrics_text.ts";

/** Campaigns of made shards that are measured. @param run draws a shard */
async function measured(
  data: string,
  run: typeof runMade,
  test: (service: ReturnType<typeof openMade>, scrape: () => Promise<ReturnType<typeof readMetrics>>) => Promise<void>,
  options: MadeOptions = {},
) {
  const service = openMade(data, { run, maxDeliver: 3, ...options }), meters = createMeters();
  meters.watch({ campaigns: { ...service, quota: { bytes: 2 ** 30 } } });
  service.controller.observe(meters.shards);
  try {
    await test(service, async () => readMetrics(await meters.text()));
  } finally {
    await service.close();
  }
}

Deno.test("campaigns are measured: by state, shards and molecules by what became of them, bytes, and a shard's seconds", () =>
  withFolder(async (data) => {
    const slow: typeof runMade = async (...values) => {
      await new Promise((resolve) => setTimeout(resolve, 120));
      return await runMade(...values);
    };
    await measured(data, slow, async (service, scrape) => {
      const idle = await scrape();
      assert.equal(idle.value("molstep_campaigns", { state: "running" }), 0);
      for (const outcome of ["collected", "failed", "dead"]) {
        assert.equal(idle.value("molstep_campaign_shards_total", { outcome }), 0, outcome);
      }
      const campaign = madeCampaign();
      service.store.add(campaign);
      service.controller.start(campaign);
      assert.equal((await scrape()).value("molstep_campaigns", { state: "running" }), 1);
      const { progress } = await service.until(campaign.id, "done"), { value } = await scrape(), model = "qm9";
      const states = ["running", "paused", "finishing", "done", "failed"];
      assert.deepEqual(states.map((state) => value("molstep_campaigns", { state })), [0, 0, 0, 1, 0]);
      assert.equal(value("molstep_campaign_shards_total", { outcome: "collected" }), progress.shards);
      assert.equal(value("molstep_campaign_shards_total", { outcome: "failed" }), 0);
      const of = (outcome: string) => value("molstep_campaign_molecules_total", { model, outcome });
      assert.deepEqual(["drawn", "passed", "kept", "repeated"].map(of), [
        ...[progress.drawn, progress.passed, 400, progress.duplicates],
      ]);
      assert.ok(of("repeated")! > 0);
      const { ndjson, sdf, parquet } = progress.bytes;
      assert.equal(value("molstep_campaign_results_bytes"), ndjson + sdf + parquet);
      assert.equal(value("molstep_campaign_results_bytes_limit"), 2 ** 30);
      const time = "molstep_campaign_shard_duration_seconds";
      assert.equal(value(`${time}_count`, { model }), progress.shards);
      assert.ok(value(`${time}_sum`, { model })! >= 0.119 * progress.shards);
      assert.equal(value(`${time}_bucket`, { model, le: "0.1" }), 0);
    });
  }));

/** Tells all news twice, as an engine may. */
const twice: MadeOptions["engine"] = (engine) => ({
  ...engine,
  async *watch(campaign, signal) {
    for await (const record of engine.watch(campaign, signal)) {
      yield record;
      yield record;
    }
  },
});

Deno.test("tries to draw a shard that fail are counted, each once, and shards that are dead", () =>
  withFolder(async (data) => {
    const tries = new Map<number, number>();
    let thrown = 0;
    const run: typeof runMade = async (order, deps, signal) => {
      const times = (tries.get(order.shard) ?? 0) + 1;
      tries.set(order.shard, times);
      if (order.shard === 2 || times === 1) {
        thrown++;
        throw new Error("no luck");
      }
      return await runMade(order, deps, signal);
    };
    await measured(data, run, async (service, scrape) => {
      const campaign = madeCampaign();
      service.store.add(campaign);
      service.controller.start(campaign);
      await service.until(campaign.id, "failed");
      const { value } = await scrape();
      assert.equal(value("molstep_campaigns", { state: "failed" }), 1);
      assert.equal(value("molstep_campaign_shards_total", { outcome: "collected" }), 2);
      assert.equal(value("molstep_campaign_shards_total", { outcome: "dead" }), 1);
      // The last try of the one that is dead is none of these; others may have failed when nobody heard any more.
      const failed = value("molstep_campaign_shards_total", { outcome: "failed" })!;
      assert.ok(failed >= 2 && failed < thrown, `${failed} of ${thrown}`);
    }, { engine: twice });
  }));

Deno.test("a shard of a worker that does not tell its time is counted, and adds no time", async () => {
  const meters = createMeters(),
    taken: Taken = {
      ...{ drawn: 256, passed: 9, kept: 4, duplicates: 3, rejected: { logP: 247 } },
      ...{ flat: 4, text: 1, gzip: 1, sdf: 0 },
    };
  meters.shards.collected(madeCampaign({ model: "qm9" }), taken, undefined);
  const { value } = readMetrics(await meters.text());
  assert.equal(value("molstep_campaign_shards_total", { outcome: "collected" }), 1);
  assert.equal(value("molstep_campaign_molecules_total", { model: "qm9", outcome: "repeated" }), 3);
  assert.equal(value("molstep_campaign_shard_duration_seconds_count", { model: "qm9" }), undefined);
});
