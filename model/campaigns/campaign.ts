/** A campaign as it is kept, and what is told of it. */
import { z } from "zod";
import { warningsTold } from "../generation/condition_order.ts";
import { campaignOrder, shardMeans, shardSettings } from "./order.ts";
import { shardCounts } from "./shard_file.ts";

/**
 * `running`: shards are drawn and collected; `paused`: it waits, for what `reason` says, and goes on by itself; `finishing`: all is collected, and files are made of
 * the whole; `failed`: it cannot go on, as `reason` says, until it is resumed.
 */
export const CAMPAIGN_STATES = ["running", "paused", "finishing", "done", "failed"] as const;

/** One of {@link CAMPAIGN_STATES}. */
export type CampaignState = typeof CAMPAIGN_STATES[number];

/** States that a campaign leaves by itself. */
export const isActive = (state: CampaignState): boolean => ["running", "paused", "finishing"].includes(state);

const bytes = z.strictObject({ ndjson: z.int(), sdf: z.int(), parquet: z.int() });

/** How far a campaign is: of shards that are collected. */
export const campaignProgress = z.strictObject({
  shards: z.int().describe("Shards collected"),
  ...shardCounts.shape,
  kept: z.int().describe("Molecules in the results"),
  duplicates: z.int().describe("Molecules that passed, and were found before"),
  flat: z.int().optional().describe(
    "Different molecules in the results when stereo is left aside, by the first block of their InChIKeys; absent until a shard is collected",
  ),
  text: z.int().describe("Bytes of the NDJSON"),
  bytes: bytes.describe("Bytes of the results, as they are kept"),
  seconds: z.number().describe("Time that it ran"),
});

/** See {@link campaignProgress}. */
export type CampaignProgress = z.infer<typeof campaignProgress>;

/** Of a campaign that has just begun. */
export const NO_PROGRESS: CampaignProgress = {
  ...{ shards: 0, drawn: 0, passed: 0, rejected: {}, kept: 0, duplicates: 0, text: 0, seconds: 0 },
  bytes: { ndjson: 0, sdf: 0, parquet: 0 },
};

/** What a campaign will take, as a trial has it. */
export const campaignEstimate = z.strictObject({
  trial: z.strictObject({
    drawn: z.int(),
    passed: z.int(),
    duplicates: z.int(),
    seconds: z.number(),
  }).describe("What was drawn for this estimate: the first molecules of the seed"),
  moleculesPerSecond: z.number().describe("Molecules drawn and filtered a second, while nobody else asks"),
  passRate: z.number().describe("Share of those drawn that passed and were not found before"),
  passRateInterval: z.tuple([z.number(), z.number()]).describe("95 % interval of that, Wilson's"),
  draws: z.int().nullable().describe("Molecules to draw until `want` are found, at this rate; null where none passed"),
  seconds: z.number().nullable().describe("Time until then"),
  bytes: z.int().nullable().describe(
    "Size of the results; null where none passed: see `most`, which then counts for the quota",
  ),
  most: z.strictObject({ draws: z.int(), seconds: z.number(), bytes: z.int() }).describe(
    "What it comes to where all of `maxDraws` are drawn, and as many pass as are wanted",
  ),
  enough: z.boolean().nullable().describe(
    "Whether `maxDraws` are enough at this rate. Repeats are more, the more is found, which a trial cannot tell",
  ),
}).meta({ id: "CampaignEstimate" });

/** See {@link campaignEstimate}. */
export type CampaignEstimate = z.infer<typeof campaignEstimate>;

/** Bytes to keep room for: what is expected, or the most where nothing is. */
export const reservedBytes = ({ bytes, most }: Pick<CampaignEstimate, "bytes" | "most">): number => bytes ?? most.bytes;

/** What of a campaign does not change. */
export const campaignFacts = z.object({
  order: campaignOrder,
  seed: z.int(),
  /** Most molecules to draw. */
  draws: z.int(),
  /** Shards that make these. */
  shards: z.int(),
  settings: shardSettings,
  means: shardMeans,
  estimate: campaignEstimate,
  warnings: warningsTold,
});

/** A campaign. Times in milliseconds since 1970. */
export interface Campaign extends z.infer<typeof campaignFacts> {
  readonly id: string;
  readonly state: CampaignState;
  readonly reason: string | null;
  readonly progress: CampaignProgress;
  readonly created: number;
  readonly ended: number | null;
}

/**
 * How far a campaign is, as events tell it: without the counts by reason, of which there are as many as a filter has rules, each with its pattern, and a
 * thousand events are kept. The campaign itself has them.
 */
const { rejected: _, ...progressTold } = campaignProgress.shape;

/** What is told of a campaign: a change of state, and how far it is. `removed` is the last of all. */
export const campaignEvent = z.union([
  z.strictObject({ type: z.literal("state"), state: z.enum(CAMPAIGN_STATES), reason: z.string().nullable() }),
  z.strictObject({ type: z.literal("progress"), ...progressTold }),
  z.strictObject({ type: z.literal("removed") }),
]).meta({ id: "CampaignEvent" });

/** See {@link campaignEvent}. */
export type CampaignEvent = z.infer<typeof campaignEvent>;

/** An event as it is kept; ids rise. */
export interface StoredEvent {
  readonly id: number;
  readonly at: number;
  readonly event: CampaignEvent;
}
