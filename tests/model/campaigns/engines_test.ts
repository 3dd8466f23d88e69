/** What every engine does: SQLite's in one process, and NATS JetStream's with a real server. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { partOf } from "../../../bench/fixed_parts.ts";
import { campaignDatabase } from "../../../model/campaigns/database.ts";
import type { CampaignEngine, Claim, ShardRecord } from "../../../model/campaigns/engine.ts";
import { openNatsEngine } from "../../../model/campaigns/nats.ts";
import { openSqliteEngine } from "../../../model/campaigns/sqlite.ts";
import { NATS_SERVER, startNats, WITHOUT_SERVER } from "../../nats_server.ts";
import { orderOf, ordersOf } from "./shards.ts";

const RESULT = { drawn: 256, passed: 56, rejected: { logP: 200 }, bytes: 1234 };

/** Opens an engine for a test, and lets go of it. */
type Open = (test: (engine: CampaignEngine, never: AbortSignal) => Promise<void>) => Promise<void>;

async function sqlite(test: Parameters<Open>[0]): Promise<void> {
  const folder = await Deno.makeTempDir(), database = campaignDatabase(join(folder, "campaigns.db"));
  const engine = openSqliteEngine(database, { maxDeliver: 3 });
  await test(engine, new AbortController().signal);
  await engine.close();
  database.close();
  await Deno.remove(folder, { recursive: true });
}

async function nats(test: Parameters<Open>[0]): Promise<void> {
  await using server = await startNats();
  const engine = await openNatsEngine({ servers: server.url, maxDeliver: 3, rest: 10, ackWait: 2 });
  await test(engine, new AbortController().signal);
  await engine.close();
}

const tell = ({ shard, state, deliveries, reason }: ShardRecord) =>
  [shard, state, deliveries, ...(reason ? [reason] : [])].join(" ");

/** Without a server these tests are skipped, and say so. */
const ENGINES: readonly [name: string, open: Open, ignore: boolean][] = [
  ["SQLite's engine", sqlite, false],
  [`NATS's engine${WITHOUT_SERVER}`, nats, !NATS_SERVER],
];

for (const [name, open, ignore] of ENGINES) {
  const test = (what: string, fn: Parameters<Open>[0]) =>
    Deno.test({ name: `${name} ${what}`, ignore, fn: () => open(fn) });

  test(
    "gives shards in the order in which they are offered, each once, however often it is offered",
    async (engine, never) => {
      const campaign = crypto.randomUUID();
      await engine.offer(ordersOf(campaign, 0, 3));
      await engine.offer(ordersOf(campaign, 1, 5));
      const claims: Claim[] = [];
      for (let k = 0; k < 5; k++) claims.push((await engine.claim(`w${k % 2}`, never))!);
      assert.deepEqual(claims.map(({ order }) => order), ordersOf(campaign, 0, 5));
      assert.deepEqual(claims.map(({ delivery }) => delivery), [1, 1, 1, 1, 1]);
      await claims[0].done(RESULT);
      await engine.offer(ordersOf(campaign, 0, 5)); // one that is done, and four that are claimed
      const records = await engine.shards(campaign, { from: 0, to: 9 });
      assert.deepEqual(records.map(tell), ["0 done 1", ...[1, 2, 3, 4].map((shard) => `${shard} claimed 1`)]);
      assert.deepEqual(records.map(({ worker, result }) => [worker, result]), [
        ["w0", RESULT],
        ...["w1", "w0", "w1", "w0"].map((worker) => [worker, null]),
      ]);
      assert.equal(await engine.claim("w9", AbortSignal.timeout(300)), undefined);
    },
  );

  test("gives a shard's order as it was offered, a fixed part, a condition and all", async (engine, never) => {
    const fixed = { ...await partOf("carboxyl"), resample: { times: 2, back: 1 } };
    const order = { ...orderOf(crypto.randomUUID(), 0), fixed, condition: { gap: 7.2, mu: 2 }, guidance: 1.5 };
    await engine.offer([order]);
    const claim = (await engine.claim("w", never))!;
    assert.deepEqual(claim.order, order);
    await claim.done(RESULT);
  });

  test(
    "offers a shard again that failed, buries it when it has failed as often as it may, and revives it",
    async (engine, never) => {
      const campaign = crypto.randomUUID();
      await engine.offer([orderOf(campaign, 7)]);
      for (let k = 1; k <= 3; k++) {
        const claim = (await engine.claim("w", never))!;
        assert.equal(claim.delivery, k);
        await claim.failed(`bad luck ${k}`);
        await claim.done(RESULT); // says nothing any more
      }
      assert.equal(await engine.claim("w", AbortSignal.timeout(300)), undefined);
      assert.deepEqual((await engine.dead(campaign)).map(tell), ["7 dead 3 bad luck 3"]);
      await engine.offer([orderOf(campaign, 7)]); // stays as it is
      assert.equal(await engine.claim("w", AbortSignal.timeout(300)), undefined);
      await engine.revive(campaign);
      const claim = (await engine.claim("w", never))!;
      assert.deepEqual([claim.delivery, claim.order], [1, orderOf(campaign, 7)]);
      await claim.done(RESULT);
      assert.deepEqual(await engine.dead(campaign), []);
      assert.deepEqual((await engine.shards(campaign, { from: 7, to: 8 })).map(tell), ["7 done 1"]);
    },
  );

  test("takes a shard back that is given back, as if it had not been claimed", async (engine, never) => {
    const campaign = crypto.randomUUID();
    await engine.offer([orderOf(campaign, 0)]);
    for (let k = 0; k < 5; k++) {
      const claim = (await engine.claim("w", never))!;
      assert.equal(claim.delivery, 1);
      await claim.release(k === 4 ? "the disk is full" : undefined);
    }
    const [record] = await engine.shards(campaign, { from: 0, to: 1 });
    assert.equal(tell(record), "0 offered 0 the disk is full");
  });

  test(
    "forgets what is collected, which may be offered anew, and all of a campaign that is cancelled",
    async (engine, never) => {
      const campaign = crypto.randomUUID(), other = crypto.randomUUID();
      await engine.offer([...ordersOf(campaign, 0, 4), orderOf(other, 0)]);
      for (let k = 0; k < 2; k++) await (await engine.claim("w", never))!.done(RESULT);
      await engine.forget(campaign, 1);
      assert.deepEqual((await engine.shards(campaign, { from: 0, to: 4 })).map(tell), [
        "1 done 1",
        "2 offered 0",
        "3 offered 0",
      ]);
      for (let k = 0; k < 2; k++) { // its file was lost, twice
        await engine.forget(campaign, 2);
        await engine.offer([orderOf(campaign, 1)]);
        assert.deepEqual((await engine.shards(campaign, { from: 0, to: 2 })).map(tell), ["1 offered 0"]);
      }
      const claim = (await engine.claim("w", never))!, aborted = Promise.withResolvers<void>();
      claim.signal.addEventListener("abort", () => aborted.resolve());
      await engine.cancel(campaign);
      await aborted.promise;
      await claim.done(RESULT);
      assert.deepEqual(await engine.shards(campaign, { from: 0, to: 4 }), []);
      const last = (await engine.claim("w", never))!;
      assert.equal(last.order.campaign, other);
      await last.done(RESULT);
      assert.equal(await engine.claim("w", AbortSignal.timeout(300)), undefined);
    },
  );

  test("tells who watches a campaign what happens to its shards, and nothing of others", async (engine, never) => {
    const campaign = crypto.randomUUID(),
      other = crypto.randomUUID(),
      end = new AbortController(),
      heard: string[] = [];
    const two = Promise.withResolvers<void>();
    const watching = (async () => {
      for await (const record of engine.watch(campaign, end.signal)) {
        if (record.state === "done" || (record.state === "offered" && record.reason)) heard.push(tell(record));
        if (heard.length === 2) two.resolve();
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 200)); // it is heard from
    await engine.offer([orderOf(other, 0), orderOf(campaign, 0)]);
    await (await engine.claim("w", never))!.done(RESULT);
    await (await engine.claim("w", never))!.failed("no luck");
    await (await engine.claim("w", never))!.done(RESULT);
    await two.promise;
    assert.deepEqual(heard, ["0 offered 1 no luck", "0 done 2"]);
    end.abort();
    await watching;
  });
}
