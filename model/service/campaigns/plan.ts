/** From an order to a campaign that can begin: checked against card and quota, tried on its first molecules, and estimated. */
import { keyOf } from "../../../chem/identity.ts";
import { wilson } from "../../../chem/rate.ts";
import type { Refine } from "../../../chem/refinement/refine.ts";
import type { Validate } from "../../../chem/validator.ts";
import type { BatchValidator } from "../../../chem/validator_pool.ts";
import { type Campaign, type CampaignEstimate, reservedBytes } from "../../campaigns/campaign.ts";
import type { Collecting } from "../../campaigns/collecting.ts";
import { type CampaignOrder, drawsOf } from "../../campaigns/order.ts";
import { drawnAs, runShard, type ShardOrder } from "../../campaigns/shard.ts";
import { readShard } from "../../campaigns/shard_file.ts";
import { askedSize } from "../../diffusion/sizes_asked.ts";
import { callsOf } from "../../diffusion/samplers/resample.ts";
import type { Precision } from "../../engines/runtimes.ts";
import { callsOfGuidance } from "../../generation/condition_order.ts";
import { leaseFor } from "../../generation/generate.ts";
import { acceptOrder, drawSeed, ImpossibleOrderError } from "../../generation/order.ts";
import { checkWhere } from "../../generation/pipeline.ts";
import type { Queue } from "../../generation/queue.ts";
import type { Model } from "../../models/load.ts";
import { chooseRefine } from "../../models/settings.ts";
import type { ModelStore } from "../../models/store.ts";

/** How much campaigns may take. */
export interface CampaignQuota {
  /** Campaigns that go on at once. */
  readonly campaigns: number;
  /** Molecules that one may draw. */
  readonly draws: number;
  /** Bytes of the results of all. */
  readonly bytes: number;
}

/** A campaign is more than may be; `estimate` where it was made. */
export class CampaignQuotaError extends RangeError {
  override readonly name = "CampaignQuotaError";
  constructor(
    readonly of: keyof CampaignQuota,
    message: string,
    readonly estimate?: CampaignEstimate,
  ) {
    super(message);
  }
}

/** What plans are made with. */
export interface PlannerOptions {
  readonly store: ModelStore;
  readonly validate: () => Promise<Validate | BatchValidator>;
  readonly queue: Queue;
  readonly collecting: Collecting;
  readonly precision: Precision;
  /** Where an order does not say. */
  readonly refine?: Refine;
  readonly quota: CampaignQuota;
  /** Bytes of the results of all campaigns now. */
  readonly used: () => number;
}

/** All of a campaign but what it becomes. */
export type CampaignPlan = Omit<Campaign, "id" | "state" | "reason" | "progress" | "created" | "ended">;

/** Molecules of a first trial; then, where that took less than half of it, seconds of a second, and its molecules at most. */
const TRIAL_FIRST = 16, TRIAL_SECONDS = 1.5, TRIAL_MOST = 1024;

/**
 * Bytes of a molecule in a form of results, where none was found that says: of QM9 some 250 to 310 are usual, by gzip. Those of a model whose molecules are much
 * larger take more.
 */
const TYPICAL_BYTES = 500;

const NOBODY = "00000000-0000-0000-0000-000000000000";

/** An order as the settings of a card have it, and what is odd about it. @throws NotDistilledError, ImpossibleOrderError */
function settled(order: CampaignOrder, card: Model["card"], draws: number, seed: number) {
  try {
    const asked = { ...order, count: draws, seed, size: askedSize(order) };
    const { settings, size, warnings } = acceptOrder(card, asked);
    return {
      settings: { ...settings, model: card.name, ...(size && { size }) },
      ...(warnings && { warnings: [...warnings] }),
    };
  } catch (error) {
    if (error instanceof ImpossibleOrderError || !(error instanceof TypeError)) throw error;
    throw new ImpossibleOrderError("options", error.message);
  }
}

/** Most molecules to draw: as ordered; by default no more than may be. @throws CampaignQuotaError */
function allowedDraws(order: CampaignOrder, { draws: most }: CampaignQuota): number {
  const draws = order.maxDraws ?? Math.min(drawsOf(order), most);
  if (draws > most || order.want > most) {
    throw new CampaignQuotaError("draws", `a campaign may draw at most ${most} molecules here; asked are ${draws}`);
  }
  return draws;
}

/** @param signal ends the trial, whose molecules are drawn as a request's are @param client whose share of the service it takes */
export function createCampaignPlanner(
  { store, validate, queue, collecting, precision, refine: usual, quota, used }: PlannerOptions,
): (order: CampaignOrder, signal: AbortSignal, client?: string) => Promise<CampaignPlan> {
  /** Draws the first molecules. */
  async function tried(shard: ShardOrder, { formats, unique }: CampaignOrder, signal: AbortSignal, client?: string) {
    const { steps, sampler, autoguidance = 1, model: name } = shard.settings, { condition, guidance } = shard;
    const guided = callsOfGuidance({ condition, guidance, steps, sampler, autoguidance }, store.entry(name).card);
    const calls = guided * callsOf(steps, shard.fixed?.resample),
      work = shard.count * calls,
      slot = queue.enter(signal, { work, client });
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    const files = {
      put: (_: string, made: Uint8Array) => Promise.resolve(void (bytes = made as Uint8Array<ArrayBuffer>)),
      get: () => Promise.reject(new Deno.errors.NotFound("a trial keeps nothing")),
      remove: () => Promise.resolve(),
      removeAll: () => Promise.resolve(),
    };
    try {
      const from = performance.now(), deps = { model: store.model, precision, validate, files, pack: collecting.pack };
      const { drawn, passed } = await runShard(shard, { ...deps, slot: () => slot }, signal);
      const seconds = (performance.now() - from) / 1000;
      const { lines } = readShard(await collecting.unpack(bytes!));
      const unlike = new Set(lines.map((line) => keyOf(line, unique === "none" ? "inchikey" : unique))).size;
      const size = async (text: string) => (await collecting.pack(text)).length;
      const ndjson = await size(lines.map(({ sdf: _, ...line }) => JSON.stringify(line)).join("\n"));
      const sdf = formats.includes("sdf") ? await size(lines.map(({ sdf }) => sdf).join("")) : 0;
      // Columns by Zstandard are about as long as lines by gzip.
      const all = ndjson + sdf + (formats.includes("parquet") ? ndjson : 0);
      return {
        trial: { drawn, passed, duplicates: passed - unlike, seconds: round(seconds) },
        // NDJSON is always there.
        each: passed > 0 ? all / passed : TYPICAL_BYTES * new Set([...formats, "ndjson"]).size,
      };
    } finally {
      slot.leave();
    }
  }

  return async (order, signal, client) => {
    const { model: name, want, unique } = order, seed = order.seed ?? drawSeed();
    const draws = allowedDraws(order, quota), { card } = store.entry(name);
    settled(order, card, draws, seed);
    const [model, judge] = await Promise.all([store.model(name), validate()]);
    await checkWhere(judge, order.where, signal);
    const { settings, ...odd } = settled(order, model.card, draws, seed);
    const lease = leaseFor(model, settings), { version } = lease;
    lease.release();
    const refine = order.refine ?? usual ?? chooseRefine(model.card, settings);
    const means = { version, backend: model.backend.name, precision, refine };
    const shard = { campaign: NOBODY, shard: 0, seed, first: 0, settings, ...drawnAs(order), ...means };
    const draw = (count: number) =>
      tried({ ...shard, count: Math.min(draws, Math.floor(count)) }, order, signal, client);
    const first = await draw(TRIAL_FIRST), more = TRIAL_SECONDS / first.trial.seconds;
    const { trial, each } = more > 2 ? await draw(Math.min(TRIAL_MOST, TRIAL_FIRST * more)) : first;
    const found = trial.passed - (unique === "none" ? 0 : trial.duplicates);
    const estimate = estimated({ want, draws, each, found, trial });
    const left = quota.bytes - used(), asked = reservedBytes(estimate);
    if (asked > left) {
      throw new CampaignQuotaError(
        "bytes",
        `results of all campaigns may have ${quota.bytes} bytes here, and ${quota.bytes - left} are there; ` +
          (estimate.bytes === null
            ? `this one's are not known, as none of ${trial.drawn} molecules passed, and may be ${asked}`
            : `this one's are estimated at ${asked}`),
        estimate,
      );
    }
    return { order, seed, draws, shards: Math.ceil(draws / order.shardSize), settings, means, estimate, ...odd };
  };
}

const round = (value: number) => Number(value.toPrecision(4));

/** What a trial means for the whole. @param each bytes of a molecule in all forms @param found molecules of it that count */
export function estimated({ want, draws, each, found, trial }: {
  readonly want: number;
  readonly draws: number;
  readonly each: number;
  readonly found: number;
  readonly trial: CampaignEstimate["trial"];
}): CampaignEstimate {
  const moleculesPerSecond = trial.drawn / Math.max(1e-3, trial.seconds),
    { value: passRate, low, high } = wilson(found, trial.drawn);
  const needed = found > 0 ? Math.ceil(want / passRate) : null;
  const expected = needed === null ? null : Math.min(needed, draws);
  const seconds = (molecules: number) => round(molecules / moleculesPerSecond);
  return {
    trial,
    moleculesPerSecond: round(moleculesPerSecond),
    passRate: round(passRate),
    passRateInterval: [round(low), round(high)],
    draws: expected,
    seconds: expected === null ? null : seconds(expected),
    bytes: expected === null ? null : Math.ceil(Math.min(want, expected * passRate) * each),
    most: { draws, seconds: seconds(draws), bytes: Math.ceil(Math.min(want, draws) * each) },
    enough: needed === null ? null : needed <= draws,
  };
}
