/** Campaigns whose shards others draw: `molstep worker`, on any number of machines. */
import { bucketFiles } from "../../campaigns/bucket_files.ts";
import { type BucketEnvironment, isBucket } from "../../campaigns/bucket_place.ts";
import { folderFiles } from "../../campaigns/folder_files.ts";
import { natsEngine } from "../../campaigns/nats.ts";
import type { ShardFiles } from "../../campaigns/shard.ts";
import type { CampaignsOptions } from "./campaigns.ts";
import { shardsFolder } from "./folders.ts";

/** Shards of a campaign that wait or are drawn beyond those that are collected: two for each of a thousand workers. */
const WINDOW = 2000;

/** Seconds that a service waits for NATS in one call: then the campaign, or the job, says what it waits for. */
export const PATIENCE = 10;

/** Files of shards at a place: a bucket, or a folder, that of the data directory where absent. */
export const shardFilesAt = (data: string, place: string | undefined, bucket: BucketEnvironment): ShardFiles =>
  place !== undefined && isBucket(place) ? bucketFiles(place, bucket) : folderFiles(place ?? shardsFolder(data));

/** What a service does campaigns with where it is told of a NATS server; undefined where it is not. */
export function openRemote(
  { data, nats, shardFiles, bucket }: {
    readonly data: string;
    readonly nats: string | undefined;
    readonly shardFiles: string | undefined;
    readonly bucket: BucketEnvironment;
  },
): CampaignsOptions["remote"] {
  if (nats === undefined) return undefined;
  const engine = natsEngine({ servers: nats, patience: PATIENCE });
  return { engine, files: shardFilesAt(data, shardFiles, bucket), window: WINDOW };
}
