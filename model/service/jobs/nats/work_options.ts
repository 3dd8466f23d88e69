/** What a worker of rounds works with. */
import type { ShardFiles } from "../../../campaigns/shard.ts";
import type { RoundRunner } from "../runner.ts";
import type { RoundExchange } from "./exchange.ts";

/** How a worker works. */
export interface RoundWorkOptions {
  /** Of the worker, for the job. */
  readonly name: string;
  readonly exchange: RoundExchange;
  readonly files: ShardFiles;
  /** Where it trains, an absolute path: several workers may have the same. */
  readonly folder: string;
  /** Who trains. */
  readonly runner: RoundRunner;
  /** Ends it: a round that is begun saves a checkpoint and is given back. */
  readonly signal: AbortSignal;
  /** How often it looks for a round, and what the service wants of one, ms. Default 1000. */
  readonly pollMs?: number;
  /** Least time between two events of progress, ms. Default 2000. */
  readonly progressMs?: number;
  /** How long a round that it refused is left to others, ms. Default 30,000. */
  readonly refuseMs?: number;
  /** SHA-256 of a data set; undefined where it is not there. */
  readonly digest?: (dataSet: string) => Promise<string | undefined>;
  readonly onNote?: (level: "debug" | "info" | "warn", message: string, fields: Record<string, unknown>) => void;
}
