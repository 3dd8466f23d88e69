/** How shards stand, in a key-value bucket: each record is replaced only where nobody else replaced it meanwhile. */
import { z } from "zod";
import type { ShardRecord } from "../engine.ts";
import { type ShardOrder, shardOrder } from "../shard.ts";
import type { NatsSide } from "./connection.ts";
import { replaced } from "./replace.ts";

/** Records that are asked for at a time. */
const AT_ONCE = 200;

/** A shard's record, and which of its revisions. */
export interface KeptRecord {
  readonly record: OwnRecord;
  readonly revision: number;
}

/** A record, and a word of the claim that wrote it: so that who writes knows its own. */
export type OwnRecord = ShardRecord & { readonly token: string };

const keyOf = ({ campaign, shard }: Pick<ShardRecord, "campaign" | "shard">) => `${campaign}.${shard}`;

/** Where the orders of dead shards are. */
const deadKey = (campaign: string, shard: number | "*") => `dead.${campaign}.${shard}`;

const decoder = new TextDecoder();

/** What a value of the bucket says. */
export const readRecord = (bytes: Uint8Array): OwnRecord => JSON.parse(decoder.decode(bytes));

/** A shard that nobody has had. */
export const freshRecord = ({ campaign, shard }: ShardOrder): OwnRecord => ({
  ...{ campaign, shard, state: "offered", deliveries: 0, worker: null, reason: null, result: null, token: "" },
});

/** Records of shards. */
export function statesOf({ states, manager, names, tried }: NatsSide) {
  const get = async (campaign: string, shard: number): Promise<KeptRecord | undefined> => {
    const entry = await tried(() => states.get(keyOf({ campaign, shard })));
    return entry?.operation === "PUT" ? { record: readRecord(entry.value), revision: entry.revision } : undefined;
  };

  /**
   * Replaces a record of this revision; 0 where there is to be none yet.
   *
   * @returns the new revision; undefined where somebody was faster
   */
  const put = (record: OwnRecord, revision: number): Promise<number | undefined> =>
    replaced({ states, tried }, { key: keyOf(record), text: JSON.stringify(record), revision });

  /** What `act` gives for each of these, so many at a time, in their order. */
  const each = async <T, R>(values: readonly T[], act: (value: T) => Promise<R>): Promise<R[]> => {
    const found: R[] = [];
    for (let at = 0; at < values.length; at += AT_ONCE) {
      found.push(...await Promise.all(values.slice(at, at + AT_ONCE).map(act)));
    }
    return found;
  };

  /** Shards of a campaign that have a key of this kind. */
  const shardsOf = async (filter: string): Promise<number[]> => {
    const info = await tried(() => manager.streams.info(names.states, { subjects_filter: names.state(filter) }));
    return Object.keys(info.state.subjects ?? {}).map((subject) => Number(subject.split(".").at(-1))).sort((a, b) =>
      a - b
    );
  };

  const purge = (key: string) => tried(() => manager.streams.purge(names.states, { filter: names.state(key) }));

  return {
    get,
    put,
    each,
    /** Shards that have a record. */
    known: (campaign: string) => shardsOf(`${campaign}.*`),
    /** Notes the order of a shard that is dead, or will be in a moment. */
    bury: (order: ShardOrder) => tried(() => states.put(deadKey(order.campaign, order.shard), JSON.stringify(order))),
    /** Shards that are noted, ascending. */
    buried: (campaign: string) => shardsOf(deadKey(campaign, "*")),
    /** The order that is noted of one. */
    async order(campaign: string, shard: number): Promise<ShardOrder | undefined> {
      const entry = await tried(() => states.get(deadKey(campaign, shard)));
      return entry?.operation === "PUT" ? z.parse(shardOrder, entry.json()) : undefined;
    },
    unbury: (campaign: string, shard: number) => purge(deadKey(campaign, shard)),
    forget: (campaign: string, shard: number) => purge(keyOf({ campaign, shard })),
    async forgetAll(campaign: string) {
      await purge(`${campaign}.*`);
      await purge(deadKey(campaign, "*"));
    },
  };
}

/** See {@link statesOf}. */
export type States = ReturnType<typeof statesOf>;
