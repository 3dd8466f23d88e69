/**
 * A shard: so many indices of a campaign's seed, drawn and filtered by one worker into one file. The file is a function of the order alone, and
 * named by it, so whoever draws it again changes nothing.
 */
import { z } from "zod";
import { campaignOrder, shardMeans, shardSettings } from "./order.ts";
import type { ShardCounts } from "./shard_file.ts";

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
  ...shardMeans.shape,
});

/** See {@link shardOrder}. */
export type ShardOrder = z.infer<typeof shardOrder>;

/** A shard that is drawn and filed. */
export interface ShardResult extends ShardCounts {
  /** Of its file. */
  readonly bytes: number;
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
