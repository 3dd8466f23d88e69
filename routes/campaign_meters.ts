/** What is measured of campaigns: a part of `meters.ts`. */
import type { Counter, Histogram } from "prom-client";
import { CAMPAIGN_STATES } from "../model/campaigns/campaign.ts";
import type { Taken } from "../model/campaigns/collect.ts";
import type { CampaignStore } from "../model/campaigns/store.ts";
import type { CampaignController, ShardObserver } from "../model/service/campaigns/controller.ts";
import type { CampaignQuota } from "../model/service/campaigns/plan.ts";

/** Campaigns, as far as they are read when somebody asks. */
export interface CampaignSources {
  readonly controller: Pick<CampaignController, "states">;
  readonly store: Pick<CampaignStore, "bytes">;
  readonly quota: Pick<CampaignQuota, "bytes">;
}

/** How metrics are made in a registry. */
export interface Make {
  counter<L extends string>(name: string, help: string, ...labels: L[]): Counter<L>;
  histogram<L extends string>(name: string, help: string, buckets: number[], ...labels: L[]): Histogram<L>;
  gauge<L extends string>(
    name: string,
    help: string,
    labels: L[],
    read: () => Iterable<readonly [value: number | undefined, labels?: Partial<Record<L, string>>]>,
  ): unknown;
}

/** Bounds of buckets of a shard's time, in seconds. */
const SHARD_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

/** What becomes of the molecules of shards that are collected. */
const OUTCOMES: Readonly<Record<string, (taken: Taken) => number>> = {
  drawn: ({ drawn }) => drawn,
  passed: ({ passed }) => passed,
  kept: ({ kept }) => kept,
  repeated: ({ duplicates }) => duplicates,
};

/** Makes the metrics. @param sources of the campaigns, where there are any yet */
export function campaignMeters(make: Make, sources: () => CampaignSources | undefined): ShardObserver {
  make.gauge("molstep_campaigns", "Campaigns that are kept, by state", ["state"], () => {
    const states = sources()?.controller.states();
    return states ? CAMPAIGN_STATES.map((state) => [states[state] ?? 0, { state }] as const) : [];
  });
  const shards = make.counter(
    "molstep_campaign_shards_total",
    "Shards that were collected, tries to draw one that failed, and shards that are dead: they failed as often as they may",
    "outcome",
  );
  for (const outcome of ["collected", "failed", "dead"]) shards.inc({ outcome }, 0);
  const molecules = make.counter(
    "molstep_campaign_molecules_total",
    "Molecules of shards that were collected: drawn; passed by the filter; kept in the results; repeated, as one that counts as the same was kept before",
    ...["model", "outcome"],
  );
  const seconds = make.histogram(
    "molstep_campaign_shard_duration_seconds",
    "Time of a shard that was collected, from its worker's claim to its file, waits for requests included",
    SHARD_SECONDS,
    "model",
  );
  make.gauge(
    "molstep_campaign_results_bytes",
    "Bytes of the results of all campaigns",
    [],
    () => [[sources()?.store.bytes]],
  );
  make.gauge(
    "molstep_campaign_results_bytes_limit",
    "Most bytes that these may have",
    [],
    () => [[sources()?.quota.bytes]],
  );
  return {
    collected({ order: { model } }, taken, took) {
      shards.inc({ outcome: "collected" });
      for (const [outcome, count] of Object.entries(OUTCOMES)) molecules.inc({ model, outcome }, count(taken));
      if (took !== undefined) seconds.observe({ model }, took);
    },
    ended: (outcome) => shards.inc({ outcome }),
  };
}
