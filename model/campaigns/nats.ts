/**
 * The engine of many machines: NATS JetStream (https://docs.nats.io/nats-concepts/jetstream). A shard that is offered or claimed is a message of a
 * work queue, and how it stands a record of a key-value bucket. The record decides: who replaces it, by its revision, has the shard or ends it; a message that comes
 * twice, or late, finds that out and is dropped. A message leaves the queue after the record says what became of it.
 */
import { KvWatchInclude } from "@nats-io/kv";
import type { JsMsg } from "@nats-io/jetstream";
import { asleep } from "../../chem/breathe.ts";
import type { CampaignEngine, ShardRecord } from "./engine.ts";
import type { ShardOrder } from "./shard.ts";
import { claimsOf } from "./nats/claims.ts";
import { isThere, type NatsOptions, openedLate, openNats } from "./nats/connection.ts";
import { freshRecord, type OwnRecord, readRecord, statesOf } from "./nats/states.ts";

/** What this engine may be told. */
export interface NatsEngineOptions extends NatsOptions {
  /** How often a shard may be claimed; 5 by default. */
  readonly maxDeliver?: number;
  /** Milliseconds that a shard that failed rests, times the number of its deliveries; 1,000 by default. */
  readonly rest?: number;
}

/** How long a worker waits for a shard before it asks again, ms. */
const ASK_EACH = 10_000;

const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, k) => from + k);

/**
 * The engine, opened when it is first asked for anything: whoever has it may begin before the server does. While that cannot be reached, calls end with an AwayError.
 */
export function natsEngine(options: NatsEngineOptions): CampaignEngine {
  const { get: open, close } = openedLate(() => openNatsEngine(options), (engine) => engine.close());
  return {
    offer: async (orders) => await (await open()).offer(orders),
    claim: async (worker, signal) => await (await open()).claim(worker, signal),
    shards: async (campaign, range) => await (await open()).shards(campaign, range),
    dead: async (campaign) => await (await open()).dead(campaign),
    revive: async (campaign) => await (await open()).revive(campaign),
    forget: async (campaign, below) => await (await open()).forget(campaign, below),
    cancel: async (campaign) => await (await open()).cancel(campaign),
    async *watch(campaign, signal) {
      yield* (await open()).watch(campaign, signal);
    },
    close,
  };
}

/** A record as the port has it. */
const told = ({ token: _, ...record }: OwnRecord): ShardRecord => record;

/**
 * Opens the engine: by a service, which offers shards, or by a worker, which claims them. Any number of each may.
 *
 * @throws AwayError where the server cannot be reached, or has no JetStream
 */
export async function openNatsEngine(
  { maxDeliver = 5, rest = 1000, ...options }: NatsEngineOptions,
): Promise<CampaignEngine> {
  const side = await openNats(options), { connection, stream, names, tried } = side;
  const states = statesOf(side), claims = claimsOf(side, states, { maxDeliver, rest });
  /** Below which shard all is forgotten, by campaign. */
  const forgotten = new Map<string, number>();
  connection.subscribe(names.cancelled("*"), {
    callback: (_, { subject }) => claims.cancel(subject.slice(names.cancelled("").length)),
  });

  /** Puts a shard into the queue, unless it is there. */
  const queue = (order: ShardOrder) =>
    tried(() => stream.publish(names.subject(order.campaign, order.shard), JSON.stringify(order)))
      .catch((error) => {
        if (!isThere(error)) throw error;
      });

  const offerOne = async (order: ShardOrder): Promise<void> => {
    const { campaign, shard } = order, made = await states.put(freshRecord(order), 0);
    const state = made === undefined ? (await states.get(campaign, shard))?.record.state : "offered";
    // One that stands as offered or claimed is in the queue, unless who offered it was killed between the two.
    if (state === "offered" || state === "claimed") await queue(order);
  };

  /** The next message; one that comes when nobody waits any more is given back. */
  const next = async (signal: AbortSignal): Promise<JsMsg | null> => {
    const asked = side.consumer.next({ expires: ASK_EACH });
    const aborted = Promise.withResolvers<null>(), end = () => aborted.resolve(null);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      const message = await Promise.race([asked, aborted.promise]);
      if (signal.aborted) asked.then((late) => late?.nak()).catch(() => {});
      return signal.aborted ? null : message;
    } finally {
      signal.removeEventListener("abort", end);
    }
  };

  const records = async (campaign: string, shards: readonly number[]): Promise<ShardRecord[]> => {
    const found = await states.each(shards, (shard) => states.get(campaign, shard));
    return found.flatMap((kept) => kept ? [told(kept.record)] : []);
  };

  const dead = async (campaign: string) =>
    (await records(campaign, await states.buried(campaign))).filter(({ state }) => state === "dead");

  return {
    offer: async (orders) => void await states.each(orders, offerOne),
    async claim(worker, signal) {
      while (!signal.aborted) {
        try {
          const message = await tried(() => next(signal)), claim = message && await claims.take(message, worker);
          if (claim) return claim;
        } catch (error) {
          // However long the server is away, a worker waits for it.
          if (connection.isClosed()) throw error;
          await asleep(1000, signal);
        }
      }
    },
    shards: (campaign, { from, to }) => records(campaign, range(from, to)),
    dead,
    async revive(campaign) {
      await states.each(await dead(campaign), async ({ shard }) => {
        const order = await states.order(campaign, shard), kept = await states.get(campaign, shard);
        if (!order || kept?.record.state !== "dead") return;
        if (await states.put(freshRecord(order), kept.revision) === undefined) {
          return;
        }
        await queue(order);
        await states.unbury(campaign, shard);
      });
    },
    async forget(campaign, below) {
      const from = forgotten.get(campaign);
      const shards = from === undefined
        ? (await states.known(campaign)).filter((shard) => shard < below)
        : range(Math.min(from, below - 1), below); // the last may have been offered anew
      await states.each(shards, (shard) => states.forget(campaign, shard));
      forgotten.set(campaign, Math.max(below, from ?? 0));
    },
    async cancel(campaign) {
      forgotten.delete(campaign);
      // Messages stay, a window of them: a worker that gets one finds no record, and drops it. (NATS 2.9 forgets others' when some are purged.)
      await states.forgetAll(campaign);
      connection.publish(names.cancelled(campaign));
    },
    async *watch(campaign, signal) {
      const changes = await tried(() =>
        side.states.watch({ key: `${campaign}.*`, include: KvWatchInclude.UpdatesOnly, ignoreDeletes: true })
      );
      const end = () => changes.stop();
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted) end();
      try {
        for await (const { value, operation } of changes) if (operation === "PUT") yield told(readRecord(value));
      } finally {
        signal.removeEventListener("abort", end);
        end();
      }
    },
    close: () => connection.close(),
  };
}
