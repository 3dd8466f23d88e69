/** Folders of the data directory: light, as the launcher reads them. */
import { join } from "node:path";

/** The folder of files of shards, beside those of campaigns. */
export const SHARDS_FOLDER = "shards";

/** Where a worker of rounds trains, in its data directory. */
export const roundsFolder = (data: string): string => join(data, "rounds");

/** The folder of files of shards, in a data directory. */
export const shardsFolder = (data: string): string => join(data, "campaigns", SHARDS_FOLDER);
