/** What is told of campaigns. */
import { z } from "zod";
import {
  type Campaign,
  CAMPAIGN_STATES,
  campaignEstimate,
  campaignProgress,
  isActive,
} from "../../model/campaigns/campaign.ts";
import type { CampaignEngine } from "../../model/campaigns/engine.ts";
import { campaignOrder, RESULT_FORMATS, shardMeans, shardSettings } from "../../model/campaigns/order.ts";
import { warningsTold } from "../../model/generation/condition_order.ts";
import type { CampaignPlan } from "../../model/service/campaigns/plan.ts";
import { lengthOf } from "../../model/service/campaigns/results.ts";
import { json } from "../endpoint.ts";

const time = z.iso.datetime();

/** What POST /campaigns takes. */
export const campaignRequest = campaignOrder.safeExtend({
  dryRun: z.boolean().default(false).describe("Gives the estimate alone; nothing begins"),
}).meta({ id: "CampaignRequest" });

const planShape = {
  seed: z.int(),
  draws: z.int().describe("Molecules that are drawn at most"),
  shards: z.int().describe("Shards that these make"),
  settings: shardSettings.describe("What draws the molecules"),
  ...shardMeans.shape,
  estimate: campaignEstimate,
  warnings: warningsTold,
};

/** A campaign that would be. */
export const campaignPlan = z.strictObject({
  order: campaignOrder,
  ...planShape,
  quota: z.strictObject({
    campaigns: z.int().describe("Campaigns that may go on at once"),
    draws: z.int().describe("Molecules that a campaign may draw"),
    bytes: z.int().describe("Bytes that results of all campaigns may have"),
  }),
}).meta({ id: "CampaignPlan" });

const bytes = z.int().nullable();

const campaignShape = {
  id: z.uuid(),
  name: z.string().nullable(),
  state: z.enum(CAMPAIGN_STATES).describe(
    "running, paused and finishing go on by themselves; failed can be resumed",
  ),
  reason: z.string().nullable().describe("Why it waits or failed, or is done with less than it wanted"),
  want: z.int(),
  order: campaignOrder,
  ...planShape,
  progress: z.strictObject({
    ...campaignProgress.shape,
    fraction: z.number().describe("0 to 1: of what is wanted, or of what may be drawn, whichever is more"),
    moleculesPerSecond: z.number().nullable().describe("Drawn, since it began; null until a shard is collected"),
    etaSeconds: z.number().nullable().describe(
      "As things went so far; repeats, which are more and more, make it longer. 0 where it has ended, null where nothing is known",
    ),
  }),
  results: z.strictObject({ ndjson: bytes, sdf: bytes, parquet: bytes }).describe(
    "Bytes of each form that GET /campaigns/{id}/results has now; null where it is not there, or not yet",
  ),
  createdAt: time,
  endedAt: time.nullable(),
};

/** A campaign. */
export const campaignSchema = z.strictObject(campaignShape).meta({ id: "Campaign" });

/** A campaign with the shards that could not be drawn. */
export const campaignDetail = z.strictObject({
  ...campaignShape,
  dead: z.array(z.strictObject({
    shard: z.int(),
    deliveries: z.int(),
    worker: z.string().nullable(),
    reason: z.string().nullable(),
  })).describe("Shards that failed as often as they may"),
}).meta({ id: "CampaignDetail" });

/** A page of campaigns, newest first. */
export const campaignList = z.strictObject({ campaigns: z.array(campaignSchema), total: z.int() }).meta({
  id: "CampaignList",
});

/** The path of a campaign. Any text is looked for, as what is no id names no campaign. */
export const campaignId = z.object({ id: z.string().meta({ format: "uuid" }) });

/** A campaign that goes on as the answer, which `Location` names. */
export const begun = (description: string) => ({
  description,
  headers: { Location: { description: "The campaign", schema: { type: "string" as const } } },
  content: json(campaignSchema),
});

const iso = (ms: number) => new Date(ms).toISOString();
const round = (value: number) => Number(value.toPrecision(4));

/** How far it is, and when it may end. */
function progressOf({ state, draws, order: { want }, progress }: Campaign) {
  const { drawn, kept, seconds } = progress;
  const fraction = Math.min(1, Math.max(kept / want, drawn / draws)), rate = seconds > 0 ? drawn / seconds : null;
  const left = Math.min((draws - drawn) / drawn, kept > 0 ? (want - kept) / kept : Infinity);
  const eta = isActive(state) ? drawn > 0 && seconds > 0 ? round(Math.max(0, left) * seconds) : null : 0;
  return {
    ...progress,
    fraction: round(fraction),
    moleculesPerSecond: rate === null ? null : round(rate),
    etaSeconds: eta,
  };
}

/** A campaign that would be, as it is told. */
export const describePlan = ({ means, ...plan }: CampaignPlan, quota: z.infer<typeof campaignPlan>["quota"]) => ({
  ...plan,
  ...means,
  quota,
});

/** A campaign as it is told. */
export function describeCampaign(campaign: Campaign): z.infer<typeof campaignSchema> {
  const { id, state, reason, order, seed, draws, shards, settings, means, estimate, warnings, created, ended } =
    campaign;
  return {
    ...{ id, name: order.name ?? null, state, reason, want: order.want, order, seed, draws, shards, settings },
    ...means,
    estimate,
    ...(warnings && { warnings }),
    progress: progressOf(campaign),
    results: Object.fromEntries(
      RESULT_FORMATS.map((format) => [format, lengthOf(campaign, format) ?? null]),
    ) as z.infer<typeof campaignSchema>["results"],
    createdAt: iso(created),
    endedAt: ended === null ? null : iso(ended),
  };
}

/** A campaign with its dead shards. */
export async function describeDetail(
  campaign: Campaign,
  engine: Pick<CampaignEngine, "dead">,
): Promise<z.infer<typeof campaignDetail>> {
  const dead = await engine.dead(campaign.id);
  return {
    ...describeCampaign(campaign),
    dead: dead.map(({ shard, deliveries, worker, reason }) => ({ shard, deliveries, worker, reason })),
  };
}
