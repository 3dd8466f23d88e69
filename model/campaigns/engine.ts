/**
 * The port between a campaign and those who draw its shards: in one process (`sqlite.ts`), or on many machines. Campaigns themselves, their results
 * and events, are kept by the service that runs them (`store.ts`); an engine knows shards only.
 */
import type { ShardOrder, ShardResult } from "./shard.ts";

/** `offered`: nobody has it yet, or who had it gave it back; `claimed`: a worker has it; `dead`: it failed as often as it may. */
export const SHARD_STATES = ["offered", "claimed", "done", "dead"] as const;

/** How a shard stands. */
export interface ShardRecord {
  readonly campaign: string;
  readonly shard: number;
  readonly state: typeof SHARD_STATES[number];
  /** How often it has been claimed. */
  readonly deliveries: number;
  /** Who has it, or had it last. */
  readonly worker: string | null;
  /** Why it failed, or was given back, last. */
  readonly reason: string | null;
  /** Of one that is done. */
  readonly result: ShardResult | null;
}

/** A shard that a worker has. One of `done`, `failed` and `release` ends it; what is said after that changes nothing. */
export interface Claim {
  readonly order: ShardOrder;
  /** How often it has been claimed, this time included. */
  readonly delivery: number;
  /** Aborted when the campaign is cancelled, or the claim is lost to another worker. */
  readonly signal: AbortSignal;
  /** A heartbeat: without one for the engine's time to wait, the shard is offered again. */
  working(): Promise<void>;
  /** Its file is kept. Resolves when the engine will not forget it. */
  done(result: ShardResult): Promise<void>;
  /** It is offered again, or dead when it has failed as often as it may. @param refused this worker never can: another may */
  failed(reason: string, options?: { readonly refused?: boolean }): Promise<void>;
  /** Gives it back, which counts as no delivery. @param reason where the campaign has to wait for something, as a disk */
  release(reason?: string): Promise<void>;
}

/** Shards of all campaigns. Nothing of it is lost when a process ends at any moment: then what was claimed is offered again. */
export interface CampaignEngine {
  /** Offers shards; one that was offered before stays as it is. Workers take those offered first, first. */
  offer(orders: readonly ShardOrder[]): Promise<void>;
  /** The next shard for this worker, when there is one; undefined when the signal is aborted before. */
  claim(worker: string, signal: AbortSignal): Promise<Claim | undefined>;
  /** Shards `from` to `to`, without that, of a campaign, ascending; those never offered are left out. */
  shards(campaign: string, range: { readonly from: number; readonly to: number }): Promise<ShardRecord[]>;
  /** All shards of a campaign that are dead, ascending. */
  dead(campaign: string): Promise<ShardRecord[]>;
  /** Offers dead shards again, as if they had never been claimed. */
  revive(campaign: string): Promise<void>;
  /** Forgets shards below one: they are collected. */
  forget(campaign: string, below: number): Promise<void>;
  /** Forgets all shards of a campaign, and aborts the claims of them. */
  cancel(campaign: string): Promise<void>;
  /** What happens to the shards of a campaign from now on, until the signal is aborted. May tell one thing twice. */
  watch(campaign: string, signal: AbortSignal): AsyncGenerator<ShardRecord, void, void>;
  /** Lets go of everything. */
  close(): Promise<void>;
}
