/** Claims of shards: a message of the work queue, and a record that says whose it is. */
import { z } from "zod";
import type { JsMsg } from "@nats-io/jetstream";
import type { Claim, ShardRecord } from "../engine.ts";
import { type ShardOrder, shardOrder, type ShardResult } from "../shard.ts";
import type { NatsSide } from "./connection.ts";
import type { OwnRecord, States } from "./states.ts";

/** How claims are made. */
export interface ClaimRules {
  readonly maxDeliver: number;
  /** Milliseconds that a shard that failed rests, times the number of its deliveries. */
  readonly rest: number;
}

/** Refusals of a shard after which it rests no longer than after so many. */
const MOST_REFUSALS = 30;

/** Claims of this process. */
export function claimsOf(side: NatsSide, states: States, { maxDeliver, rest }: ClaimRules) {
  const open = new Map<AbortController, string>();

  /** The message is out of the queue. Where that is not heard, it comes again, and whoever gets it sees what became of the shard. */
  const finish = (message: JsMsg) => message.ackAck().catch(() => {});

  const lost = (own: AbortController, why: string) => {
    open.delete(own);
    own.abort(new DOMException(why, "AbortError"));
  };

  /** Leaves an order that this version cannot read, as of a newer service, to others. */
  const refuse = async (message: JsMsg, worker: string, why: string): Promise<undefined> => {
    const [campaign, shard] = message.subject.split(".").slice(-2), kept = await states.get(campaign, Number(shard));
    if (!kept) return void await finish(message);
    await states.put({ ...kept.record, reason: `${worker} cannot read the order: ${why}` }, kept.revision);
    message.nak(rest * MOST_REFUSALS);
  };

  /** A claim of a shard whose record is this one's. */
  function claimed(message: JsMsg, order: ShardOrder, record: OwnRecord, revision: number, refusals: number): Claim {
    const own = new AbortController();
    let beaten = performance.now();
    open.set(own, order.campaign);
    /** Ends the claim, where it still is one. @returns whether it was */
    const end = async (values: Partial<ShardRecord>): Promise<boolean> => {
      if (!open.delete(own)) return false;
      const next = await states.put({ ...record, ...values }, revision);
      if (next === undefined) lost(own, "another worker has the shard, or the campaign is over");
      return next !== undefined;
    };
    return {
      order,
      delivery: record.deliveries,
      signal: own.signal,
      async working() {
        if (!open.has(own) || performance.now() - beaten < side.ackWait / 5) return;
        beaten = performance.now();
        message.working();
        // Who was silent for too long hears here that another has it.
        const now = await states.get(order.campaign, order.shard);
        if (open.has(own) && now?.revision !== revision) {
          lost(own, now ? "another worker has the shard" : "the campaign is over");
        }
      },
      async done(result: ShardResult) {
        if (await end({ state: "done", reason: null, result })) await finish(message);
      },
      async failed(reason, { refused = false } = {}) {
        const { deliveries } = record;
        if (refused) {
          const back = { state: "offered", reason, deliveries: deliveries - 1 } as const;
          if (await end(back)) message.nak(rest * Math.min(MOST_REFUSALS, refusals));
        } else if (deliveries < maxDeliver) {
          if (await end({ state: "offered", reason })) message.nak(rest * deliveries);
        } else {
          await states.bury(order);
          if (await end({ state: "dead", reason })) await finish(message);
        }
      },
      async release(reason) {
        const { deliveries } = record;
        if (await end({ state: "offered", reason: reason ?? null, deliveries: deliveries - 1 })) message.nak();
      },
    };
  }

  return {
    /** Claims the shard of a message; undefined where it needs nobody, or has been claimed in vain as often as it may. */
    async take(message: JsMsg, worker: string): Promise<Claim | undefined> {
      const read = shardOrder.safeParse(message.json());
      if (!read.success) return await refuse(message, worker, z.prettifyError(read.error));
      const order = read.data, { campaign, shard } = order, token = crypto.randomUUID();
      while (true) {
        const kept = await states.get(campaign, shard);
        // Forgotten, cancelled or ended before the message was out of the queue.
        if (!kept || kept.record.state === "done" || kept.record.state === "dead") return void await finish(message);
        const { record, revision } = kept;
        if (record.deliveries >= maxDeliver) {
          await states.bury(order);
          const reason = record.reason ?? `whoever drew it ended before it was done, ${maxDeliver} times`;
          if (await states.put({ ...record, state: "dead", reason, token }, revision) === undefined) continue;
          return void await finish(message);
        }
        const mine: OwnRecord = { ...record, state: "claimed", deliveries: record.deliveries + 1, worker, token };
        const next = await states.put(mine, revision);
        if (next !== undefined) return claimed(message, order, mine, next, message.info.deliveryCount);
      }
    },
    /** Aborts the claims of a campaign. */
    cancel(campaign: string) {
      for (const [own, of] of open) if (of === campaign) lost(own, "the campaign is over");
    },
  };
}
