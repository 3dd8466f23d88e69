/** What a worker does: it claims shards and draws them, one after the other. */
import { asleep } from "../../chem/breathe.ts";
import { isFull } from "../diffusion/storage.ts";
import type { CampaignEngine, Claim } from "./engine.ts";
import { RefusedShardError, runShard, type ShardDeps, shardFile, type ShardOrder, type ShardResult } from "./shard.ts";

/** How a worker works. */
export interface WorkOptions extends ShardDeps {
  /** Of the worker, for the list of shards. */
  readonly name: string;
  readonly engine: CampaignEngine;
  /** Ends it: a shard that is begun is given back. */
  readonly signal: AbortSignal;
  /** Milliseconds between heartbeats. Default 5000. */
  readonly beatMs?: number;
  /** Milliseconds to wait where there is no room for a file, before the next is tried. Default 30,000. */
  readonly waitMs?: number;
  /** Hears of each shard at its end. */
  readonly onShard?: (order: ShardOrder, end: { readonly result?: ShardResult; readonly error?: unknown }) => void;
  /** In the place of {@link runShard}. */
  readonly run?: typeof runShard;
}

/** Works until the signal is aborted. @throws what the engine throws */
export async function workShards(options: WorkOptions): Promise<void> {
  const { name, engine, signal, waitMs = 30_000 } = options;
  while (!signal.aborted) {
    const claim = await engine.claim(name, signal);
    if (claim && await drawn(claim, options) === "full") await asleep(waitMs, signal);
  }
}

/** Draws a shard that is claimed, and says how it ended. */
async function drawn(claim: Claim, options: WorkOptions): Promise<"full" | undefined> {
  const { signal, beatMs = 5000, onShard, run = runShard } = options, { order } = claim;
  const beat = setInterval(() => claim.working().catch(() => {}), beatMs); // a claim that is lost says so by its signal
  try {
    const from = performance.now(), filed = await run(order, options, AbortSignal.any([signal, claim.signal]));
    const result = { ...filed, seconds: Math.round(performance.now() - from) / 1000 };
    await claim.done(result);
    // Its campaign may have ended while the file was written: nobody takes it then. Where another worker has the shard, it draws the same again.
    if (claim.signal.aborted) await options.files.remove(shardFile(order));
    onShard?.(order, { result });
  } catch (error) {
    onShard?.(order, { error });
    if (claim.signal.aborted) return;
    if (signal.aborted) return await claim.release().then(() => undefined);
    const why = error instanceof Error ? error.message : String(error);
    if (isFull(error)) {
      await claim.release(`there is no room for the files of shards: ${why}`);
      return "full";
    }
    await claim.failed(why, { refused: error instanceof RefusedShardError });
  } finally {
    clearInterval(beat);
  }
}
