/**
 * A shard: so many indices of a campaign's seed, drawn and filtered by one worker into one file. The file is a function of the order alone, and
 * named by it, so whoever draws it again changes nothing.
 */
import { z } from "zod";
import { breather } from "../../chem/breathe.ts";
import { withFields } from "../../chem/sdf.ts";
import type { Validate } from "../../chem/validator.ts";
import type { BatchValidator } from "../../chem/validator_pool.ts";
import type { Precision } from "../engines/runtimes.ts";
import { conditionDraw } from "../generation/condition_order.ts";
import { fixedDraw } from "../generation/fixed_order.ts";
import { type Origin, toJson } from "../generation/formats.ts";
import { type GeneratedMolecule, generateMolecules, type Generation } from "../generation/pipeline.ts";
import type { Slot } from "../generation/queue.ts";
import type { Model } from "../models/load.ts";
import { UnknownModelError } from "../models/store.ts";
import { drawingWeights } from "../models/weights.ts";
import { type CampaignOrder, campaignOrder, shardMeans, shardSettings } from "./order.ts";
import { countsLine, type ShardCounts, type ShardLine } from "./shard_file.ts";

/** A shard as a worker is given it. */
export const shardOrder = z.strictObject({
  campaign: z.uuid(),
  /** Its place among the campaign's shards, from 0. */
  shard: z.int().min(0),
  seed: z.int().min(0).max(0xffffffff),
  /** Index of its first molecule, and how many there are. */
  first: z.int().min(0),
  count: z.int().min(1),
  settings: shardSettings,
  where: campaignOrder.shape.where.removeDefault(),
  fixed: campaignOrder.shape.fixed,
  condition: campaignOrder.shape.condition,
  guidance: campaignOrder.shape.guidance,
  ...shardMeans.shape,
});

/** See {@link shardOrder}. */
export type ShardOrder = z.infer<typeof shardOrder>;

/** What of a campaign's order each of its shards has, beside what is settled. */
export const drawnAs = (
  { where, fixed, condition, guidance }: Pick<CampaignOrder, "where" | "fixed" | "condition" | "guidance">,
): Pick<ShardOrder, "where" | "fixed" | "condition" | "guidance"> => ({
  where,
  ...(fixed && { fixed }),
  ...(condition && { condition }),
  ...(guidance !== undefined && { guidance }),
});

/** A shard that is drawn and filed. */
export interface ShardResult extends ShardCounts {
  /** Of its file. */
  readonly bytes: number;
  /** From its claim to its file, waits for requests included; absent where its worker does not tell. */
  readonly seconds?: number;
}

/** A worker cannot draw this shard as it is ordered: it has other weights, another backend, precision or refinement. */
export class RefusedShardError extends Error {
  override readonly name = "RefusedShardError";
  constructor(
    readonly field: "model" | keyof z.infer<typeof shardMeans>,
    wanted: string,
    given: string,
  ) {
    super(`${field} must be ${wanted} for this shard; this worker has ${given}`);
  }
}

/** The name of a shard's file. */
export const shardFile = ({ campaign, shard }: Pick<ShardOrder, "campaign" | "shard">): string =>
  `${campaign}-${String(shard).padStart(8, "0")}.ndjson.gz`;

/** Where files of shards are kept: a folder, or a bucket. */
export interface ShardFiles {
  /** Keeps a file, whole or not at all: one of this name is replaced. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** @throws Deno.errors.NotFound where there is none */
  get(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Nothing where there is none. */
  remove(name: string): Promise<void>;
  /** Removes all files of a campaign. */
  removeAll(campaign: string): Promise<void>;
}

/** What a worker draws shards with. */
export interface ShardDeps {
  /** @throws UnknownModelError */
  readonly model: (name: string) => Promise<Model>;
  /** Of products, that this worker's models were loaded with. */
  readonly precision: Precision;
  /** Resolves when the chemistry is loaded. */
  readonly validate: () => Promise<Validate | BatchValidator>;
  readonly files: ShardFiles;
  /** Text by gzip, beside the main thread where there is much of it. */
  readonly pack: (text: string) => Promise<Uint8Array>;
  /** A place in the device's queue, where others use it, too. */
  readonly slot?: (signal: AbortSignal) => Slot;
  /** Called between windows of molecules: resolves when it may go on. */
  readonly pause?: (signal: AbortSignal) => Promise<void>;
}

/** What is known of the molecules of a shard, whoever draws them. */
interface Drawing {
  readonly generation: Generation;
  readonly origin: Origin;
}

/** Begins to draw. @throws RefusedShardError where this worker cannot give what is ordered */
async function begin(order: ShardOrder, deps: ShardDeps, signal: AbortSignal): Promise<Drawing> {
  const { settings: { model: name, size, ...settings }, seed, first, count, where, refine, version } = order;
  const refuse = (field: RefusedShardError["field"], wanted: string, given: string) => {
    if (wanted !== given) throw new RefusedShardError(field, wanted, given);
  };
  refuse("precision", order.precision, deps.precision);
  const [model, validate] = await Promise.all([
    deps.model(name).catch((error) => {
      if (error instanceof UnknownModelError) throw new RefusedShardError("model", name, error.available.join(", "));
      throw error;
    }),
    deps.validate(),
  ]);
  refuse("backend", order.backend, model.backend.name);
  signal.throwIfAborted();
  const fixed = order.fixed && fixedDraw(order.fixed, model.card), condition = conditionDraw(order);
  const generation = generateMolecules(model, { count, first, seed, settings, size, fixed, condition }, {
    ...{ validate, signal, refine, where, slot: deps.slot?.(signal) },
    tally() {}, // else it remembers all of them
  });
  try {
    refuse("version", version, generation.version);
  } catch (error) {
    generation.close();
    throw error;
  }
  const digests = drawingWeights(model.card, settings).map(({ sha256 }) => sha256);
  const { sampler, steps } = settings;
  const origin: Origin = {
    ...{ model: name, version, sampler, steps, seed },
    ...(digests.every(Boolean) && { weights: digests.join(" ") }),
    ...(refine !== "none" && { refine }),
    ...(fixed && { fixedAtoms: fixed.part.nodes }),
  };
  return { generation, origin };
}

/** A molecule that passed, as a line of the file. */
function lineOf(generated: GeneratedMolecule, origin: Origin): ShardLine {
  const { sdf = "", ...told } = toJson(generated, ["bonds", "sdf"], origin);
  const values = generated.validation.verdict!.values as ShardLine["values"];
  return { ...told, values, sdf: withFields(sdf, values) };
}

/**
 * Draws a shard, judges its molecules, and keeps what passed in its file, which is there whole or not at all.
 *
 * @throws RefusedShardError; PatternError where its filter has a pattern that is none; the signal's reason where it is aborted; what the files throw
 */
export async function runShard(order: ShardOrder, deps: ShardDeps, signal: AbortSignal): Promise<ShardResult> {
  await deps.pause?.(signal);
  const { generation, origin } = await begin(order, deps, signal);
  const pieces: Uint8Array[] = [];
  try {
    for await (const molecules of generation.windows) {
      let text = "";
      const rest = breather();
      for (const generated of molecules) {
        text += JSON.stringify(lineOf(generated, origin)) + "\n";
        await rest();
      }
      if (text !== "") pieces.push(await deps.pack(text));
      signal.throwIfAborted();
      await deps.pause?.(signal);
    }
  } finally {
    generation.close();
  }
  const counts: ShardCounts = {
    ...{ drawn: generation.drawn, passed: generation.returned },
    rejected: Object.fromEntries(Object.entries(generation.rejected).sort(([a], [b]) => a < b ? -1 : 1)),
  };
  const bytes = joined([...pieces, await deps.pack(countsLine(counts))]);
  await deps.files.put(shardFile(order), bytes);
  return { ...counts, bytes: bytes.length };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
