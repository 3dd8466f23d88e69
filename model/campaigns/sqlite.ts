/** The engine of one process: shards in SQLite, and nothing to install. */
import { createBell } from "../diffusion/bell.ts";
import type { DatabaseFile } from "../diffusion/sqlite.ts";
import type { CampaignEngine, Claim, ShardRecord } from "./engine.ts";
import { type ShardOrder, shardOrder } from "./shard.ts";

/** How often a shard may be claimed before it is dead, where nobody says. */
const MAX_DELIVER = 5;

const key = ({ campaign, shard }: Pick<ShardRecord, "campaign" | "shard">) => `${campaign} ${shard}`;

const toRecord = ({ campaign, shard, state, deliveries, worker, reason, result }: Record<string, unknown>) =>
  ({
    campaign,
    shard: Number(shard),
    state,
    deliveries: Number(deliveries),
    worker,
    reason,
    result: result === null ? null : JSON.parse(String(result)),
  }) as ShardRecord;

/**
 * Opens the engine. One process at a time claims of a file: its first claim offers again what a process before it had when it ended.
 *
 * @param maxDeliver how often a shard may be claimed
 */
export function openSqliteEngine(
  database: DatabaseFile,
  { maxDeliver = MAX_DELIVER }: { readonly maxDeliver?: number } = {},
): CampaignEngine {
  const bell = createBell(), claims = new Map<string, AbortController>();
  const watchers = new Set<(record: ShardRecord) => void>();
  let recovered = false;

  const find = (campaign: string, shard: number): ShardRecord | undefined =>
    database.rows("SELECT * FROM shards WHERE campaign = ? AND shard = ?", campaign, shard).map(toRecord)[0];
  const tell = (campaign: string, shard: number) => {
    const record = find(campaign, shard);
    if (record) { for (const hear of watchers) hear(record); }
  };
  const recover = () => {
    if (recovered) return;
    recovered = true;
    database.atomically((all) => {
      const reason = `whoever drew it ended before it was done, ${maxDeliver} times`;
      all.prepare("UPDATE shards SET state = 'dead', reason = ? WHERE state = 'claimed' AND deliveries >= ?")
        .run(reason, maxDeliver);
      all.exec("UPDATE shards SET state = 'offered' WHERE state = 'claimed'");
    });
  };
  /** Claims the shard that has been offered for longest. */
  const take = (worker: string): { order: ShardOrder; delivery: number } | undefined =>
    database.atomically((all) => {
      const row = all.prepare("SELECT * FROM shards WHERE state = 'offered' ORDER BY number LIMIT 1").get();
      if (!row) return undefined;
      const delivery = Number(row.deliveries) + 1;
      all.prepare("UPDATE shards SET state = 'claimed', deliveries = ?, worker = ? WHERE number = ?")
        .run(delivery, worker, row.number);
      return { order: shardOrder.parse(JSON.parse(String(row.order))), delivery };
    });

  const claimOf = (order: ShardOrder, delivery: number): Claim => {
    const { campaign, shard } = order, own = new AbortController();
    claims.set(key(order), own);
    /** Changes the shard where it is still this claim's. */
    // deno-lint-ignore require-await -- errors are to come as rejections
    const end = async (state: ShardRecord["state"], values: { reason?: string; result?: string; back?: boolean }) => {
      if (claims.get(key(order)) !== own) return;
      const { reason = null, result = null, back = false } = values;
      database.open().prepare(
        "UPDATE shards SET state = ?, reason = ?, result = ?, deliveries = deliveries - ? WHERE campaign = ? AND shard = ?",
      ).run(state, reason, result, Number(back), campaign, shard);
      claims.delete(key(order));
      tell(campaign, shard);
      bell.ring();
    };
    return {
      order,
      delivery,
      signal: own.signal,
      working: () => Promise.resolve(), // who claims and who is asked end together
      done: (result) => end("done", { result: JSON.stringify(result) }),
      failed: (reason, { refused = false } = {}) =>
        end(refused || delivery >= maxDeliver ? "dead" : "offered", { reason }),
      release: (reason) => end("offered", { reason, back: true }),
    };
  };

  return {
    // deno-lint-ignore require-await
    async offer(orders) {
      database.atomically((all) => {
        const add = all.prepare(
          `INSERT OR IGNORE INTO shards (campaign, shard, state, deliveries, "order") VALUES (?, ?, 'offered', 0, ?)`,
        );
        for (const order of orders) add.run(order.campaign, order.shard, JSON.stringify(order));
      });
      bell.ring();
    },
    async claim(worker, signal) {
      recover();
      while (!signal.aborted) {
        const next = bell.next(signal), taken = take(worker);
        if (taken) return claimOf(taken.order, taken.delivery);
        await next;
      }
    },
    // deno-lint-ignore require-await
    shards: async (campaign, { from, to }) =>
      database.rows(
        "SELECT * FROM shards WHERE campaign = ? AND shard >= ? AND shard < ? ORDER BY shard",
        ...[campaign, from, to],
      ).map(toRecord),
    // deno-lint-ignore require-await
    dead: async (campaign) =>
      database.rows("SELECT * FROM shards WHERE campaign = ? AND state = 'dead' ORDER BY shard", campaign)
        .map(toRecord),
    // deno-lint-ignore require-await
    async revive(campaign) {
      database.open().prepare(
        "UPDATE shards SET state = 'offered', deliveries = 0 WHERE campaign = ? AND state = 'dead'",
      ).run(campaign);
      bell.ring();
    },
    // deno-lint-ignore require-await
    async forget(campaign, below) {
      database.open().prepare("DELETE FROM shards WHERE campaign = ? AND shard < ?").run(campaign, below);
    },
    // deno-lint-ignore require-await
    async cancel(campaign) {
      database.open().prepare("DELETE FROM shards WHERE campaign = ?").run(campaign);
      for (const [name, own] of claims) {
        if (!name.startsWith(`${campaign} `)) continue;
        claims.delete(name);
        own.abort(new DOMException("the campaign is over", "AbortError"));
      }
    },
    async *watch(campaign, signal) {
      const heard: ShardRecord[] = [], news = createBell();
      const hear = (record: ShardRecord) => {
        if (record.campaign !== campaign) return;
        heard.push(record);
        news.ring();
      };
      watchers.add(hear);
      try {
        while (!signal.aborted) {
          const next = news.next(signal);
          if (heard.length > 0) yield* heard.splice(0);
          else await next;
        }
      } finally {
        watchers.delete(hear);
      }
    },
    close: () => Promise.resolve(),
  };
}
