/** What a campaign is asked to find, and what a card and a machine make of it. */
import { z } from "zod";
import { UNIQUE } from "../../chem/identity.ts";
import { REFINES } from "../../chem/refinement/refine.ts";
import { whereSchema } from "../../chem/where/where.ts";
import { DECODINGS } from "../diffusion/decodings.ts";
import { gridSpec } from "../diffusion/grids.ts";
import { SAMPLER_CHOICES, SAMPLERS } from "../diffusion/samplers/mod.ts";
import { sizesAsked } from "../diffusion/sizes_asked.ts";
import { strict } from "../diffusion/strict.ts";
import { PRECISIONS } from "../engines/runtimes.ts";
import { autoguidanceSpec } from "../networks/heavy_atom/autoguide.ts";
import { conditionKeys, guidedSomewhere } from "../generation/condition_order.ts";
import { fixedAsked } from "../generation/fixed_order.ts";
import { NAME_MAX } from "../models/card.ts";

/** Forms that results can have. */
export const RESULT_FORMATS = ["ndjson", "sdf", "parquet"] as const;

/** One of {@link RESULT_FORMATS}. */
export type ResultFormat = typeof RESULT_FORMATS[number];

/** Indices are drawn by windows of so many: shards are whole ones, so that company in a batch is the same whoever draws. */
const WINDOW = 256;

/** Most molecules that a campaign can look for, and draw: a seed has so many indices. */
const WANT_MAX = 100_000_000, DRAWS_MAX = 2 ** 32;

/** Molecules that are drawn for each that is wanted, at most, where nobody says; and at least so many in all. */
const DRAWS_EACH = 100, DRAWS_LEAST = 10_000;

/** When two molecules of a campaign are one, as {@link UNIQUE} has it; `none`: never. */
export const CAMPAIGN_UNIQUE = [...UNIQUE, "none"] as const;

/** A campaign as it is ordered. */
export const campaignOrder = strict({
  name: z.string().min(1).max(80).refine((name) => !/\p{Cc}/u.test(name), {
    error: ({ input }) => `must be without control characters; got ${JSON.stringify(input)}`,
  })
    .optional().describe("For people; need not be unique"),
  where: whereSchema.default({}).describe("What molecules must be; those that are not valid never pass"),
  want: z.int().min(1).max(WANT_MAX).describe("Molecules to find"),
  maxDraws: z.int().min(1).max(DRAWS_MAX).optional().describe(
    `Most molecules to draw. Default: ${DRAWS_EACH} times \`want\`, at least ${DRAWS_LEAST}`,
  ),
  model: z.string().min(1).max(NAME_MAX).default("qm9").describe("A name that GET /models lists"),
  steps: z.int().min(1).max(1000).describe("Steps of the sampler"),
  seed: z.int().min(0).max(0xffffffff).optional().describe(
    "The same order and seed give the same molecules; drawn where absent",
  ),
  sampler: z.enum(SAMPLER_CHOICES).optional().describe("As for POST /generate"),
  grid: gridSpec.optional().describe("As for POST /generate"),
  options: z.record(z.string(), z.unknown()).optional().describe("The sampler's; default: what the model's card says"),
  decoding: z.enum(DECODINGS).optional().describe("As for POST /generate"),
  clamp: z.number().min(0).max(1).optional().describe("As for POST /generate"),
  autoguidance: autoguidanceSpec.optional().describe("As for POST /generate"),
  refine: z.enum(REFINES).optional().describe("As for POST /generate"),
  atoms: sizesAsked.optional().describe("As for POST /generate"),
  heavyAtoms: sizesAsked.optional().describe("As for POST /generate"),
  fixed: fixedAsked.optional().describe("As for POST /generate: atoms that each molecule begins with (docs/fixed.md)"),
  ...conditionKeys,
  shardSize: z.int().min(WINDOW).max(16_384).multipleOf(WINDOW).default(2048).describe(
    `Molecules of a shard, the piece that a worker draws: a multiple of ${WINDOW}`,
  ),
  formats: z.array(z.enum(RESULT_FORMATS)).min(1).max(RESULT_FORMATS.length).default([...RESULT_FORMATS]).describe(
    "Forms of the results; NDJSON is always there",
  ),
  unique: z.enum(CAMPAIGN_UNIQUE).default("inchikey").describe(
    "`inchikey`: of molecules of one InChIKey only the first of the campaign counts, in the order of indices; `flat`: of those whose InChIKeys have the same first block, that is the molecule without stereo; `none`: all count",
  ),
}).refine(({ atoms, heavyAtoms }) => atoms === undefined || heavyAtoms === undefined, {
  error: "atoms and heavyAtoms exclude each other",
  path: ["heavyAtoms"],
}).refine(...guidedSomewhere).refine(({ want, maxDraws = Infinity }) => maxDraws >= want, {
  error: "must be at least want",
  path: ["maxDraws"],
}).meta({ id: "CampaignOrder" });

/** See {@link campaignOrder}. */
export type CampaignOrder = z.infer<typeof campaignOrder>;

/** Most molecules that an order draws. */
export const drawsOf = ({ want, maxDraws = Math.max(DRAWS_LEAST, DRAWS_EACH * want) }: CampaignOrder): number =>
  Math.min(DRAWS_MAX, maxDraws);

/** Shards that an order may take. */
export const shardsOf = (order: CampaignOrder): number => Math.ceil(drawsOf(order) / order.shardSize);

/** All that fixes the molecules of a seed: settled when a campaign begins, whatever becomes of the model's card later. */
export const shardSettings = z.strictObject({
  model: z.string().min(1).max(NAME_MAX),
  sampler: z.enum(SAMPLER_CHOICES),
  algorithm: z.enum(SAMPLERS),
  steps: z.int().min(1),
  grid: gridSpec,
  options: z.record(z.string(), z.unknown()),
  decoding: z.enum(DECODINGS),
  clamp: z.number().min(0).max(1),
  autoguidance: autoguidanceSpec.optional(),
  /** Nodes of the model's latent; the data's distribution where absent. */
  size: z.strictObject({ min: z.int().min(1), max: z.int().min(1) }).optional(),
});

/** See {@link shardSettings}. */
export type ShardSettings = z.infer<typeof shardSettings>;

/** What a worker must be able to give: where it cannot, it refuses. */
export const shardMeans = z.strictObject({
  /** Of the weights that draw. */
  version: z.string(),
  /** As answers name it: `backendOf` of `model/engines/runtimes.ts`. */
  backend: z.string(),
  precision: z.enum(PRECISIONS),
  refine: z.enum(REFINES),
});

/** See {@link shardMeans}. */
export type ShardMeans = z.infer<typeof shardMeans>;
