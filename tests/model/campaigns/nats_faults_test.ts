/** Campaigns over a real NATS server while workers, collector and server are killed, and messages are slow or come twice. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { RESULT_FILES } from "../../../model/campaigns/collect.ts";
import type { Claim } from "../../../model/campaigns/engine.ts";
import { openNatsEngine } from "../../../model/campaigns/nats.ts";
import { namesOf } from "../../../model/campaigns/nats/connection.ts";
import { openSqliteEngine } from "../../../model/campaigns/sqlite.ts";
import { NATS_SERVER, startNats, WITHOUT_SERVER } from "../../nats_server.ts";
import { startChild } from "../../mortal_child.ts";
import { campaignOf, fakeWork, openCollection } from "./campaign.ts";
import { orderOf } from "./shards.ts";

const RESULT = { drawn: 256, passed: 56, rejected: { logP: 200 }, bytes: 1234 };

const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: name + WITHOUT_SERVER, ignore: !NATS_SERVER, fn });

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const CHILD = join(import.meta.dirname!, "faults_child.ts");

/** The results of a campaign, by the names of their files. */
const resultsOf = (data: string, id: string) =>
  Promise.all(Object.values(RESULT_FILES).map((name) => Deno.readFile(join(data, "campaigns", id, name))));

test("A campaign gives the same bytes in one process and by workers over NATS, while each of workers, collector and server is killed", async () => {
  const id = crypto.randomUUID(),
    size = { want: 2000, shards: 40 },
    [one, many] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  // In one process, whose two loops take turns.
  const alone = openCollection({ data: one, engine: openSqliteEngine, window: 4, campaign: campaignOf(id, size) });
  const end = new AbortController(), { engine, files } = alone;
  const working = ["a", "b"].map((name) => fakeWork({ name, engine, files, signal: end.signal, ms: 1 }));
  const { progress } = await alone.done();
  end.abort();
  await Promise.all(working);
  await alone.close();
  assert.deepEqual([progress.kept, progress.drawn < 256 * 40, progress.duplicates > 100], [2000, true, true]);

  await using server = await startNats();
  const worker = (name: string) => startChild(CHILD, "worker", server.url, many, name, "60");
  const collector = () => startChild(CHILD, "collector", server.url, many, id, String(size.want), String(size.shards));
  let [first, second, third] = [worker("w1"), worker("w2"), worker("w3")], collects = collector();
  await collects.told(3);
  await first.kill();
  await collects.told(6);
  await server.kill();
  await wait(300);
  await server.start();
  first = worker("w4");
  await collects.told(10);
  await collects.kill();
  await second.kill();
  second = worker("w5");
  collects = collector();
  await collects.told(12 - 10 + 1);
  await third.kill();
  third = worker("w6");
  assert.ok(await collects.ended(), collects.lines.join());
  assert.equal(collects.lines.at(-1), "done");
  for (const one of [first, second, third]) await one.kill();
  const [expected, found] = await Promise.all([resultsOf(one, id), resultsOf(many, id)]);
  for (const [k, bytes] of expected.entries()) assert.deepEqual(found[k], bytes, Object.values(RESULT_FILES)[k]);
  for (const folder of [one, many]) await Deno.remove(folder, { recursive: true });
});

test("A worker that was silent for too long loses its shard, hears of it, and changes nothing any more", async () => {
  await using server = await startNats();
  const options = { servers: server.url, ackWait: 1, rest: 10 }, never = new AbortController().signal;
  const slow = await openNatsEngine(options), fast = await openNatsEngine(options), campaign = crypto.randomUUID();
  await slow.offer([orderOf(campaign, 0)]);
  const [lost, taken] = [(await slow.claim("slow", never))!, (await fast.claim("fast", never))!];
  assert.deepEqual([lost.delivery, taken.delivery, lost.signal.aborted], [1, 2, false]);
  await lost.working();
  assert.ok(lost.signal.aborted);
  for (const late of [lost.done(RESULT), lost.failed("late"), lost.release()]) await late;
  assert.equal((await fast.shards(campaign, { from: 0, to: 1 }))[0].worker, "fast");
  await taken.done({ ...RESULT, bytes: 1 });
  const [record] = await fast.shards(campaign, { from: 0, to: 1 });
  assert.deepEqual([record.state, record.result?.bytes, record.deliveries], ["done", 1, 2]);
  for (const engine of [slow, fast]) await engine.close();
});

test("A worker that is heard of keeps its shard, however long it takes", async () => {
  await using server = await startNats();
  const options = { servers: server.url, ackWait: 1 },
    campaign = crypto.randomUUID(),
    never = new AbortController().signal;
  const engine = await openNatsEngine(options);
  await engine.offer([orderOf(campaign, 0)]);
  const claim = (await engine.claim("w", never))!, beat = setInterval(() => claim.working(), 150);
  assert.equal(await engine.claim("other", AbortSignal.timeout(2500)), undefined);
  clearInterval(beat);
  await claim.done(RESULT);
  assert.equal((await engine.shards(campaign, { from: 0, to: 1 }))[0].deliveries, 1);
  await engine.close();
});

test("A message that comes twice, or after its shard has ended, is dropped, and one that nobody can read is left with its reason", async () => {
  await using server = await startNats();
  const engine = await openNatsEngine({ servers: server.url, ackWait: 1, rest: 1 }), campaign = crypto.randomUUID();
  const never = new AbortController().signal,
    connection = await connect({ servers: server.url }),
    names = namesOf("molstep");
  const publish = (shard: number, text: string) => jetstream(connection).publish(names.subject(campaign, shard), text);
  await engine.offer([orderOf(campaign, 0), orderOf(campaign, 1)]);
  await assert.rejects(publish(1, JSON.stringify(orderOf(campaign, 1))), /maximum messages per subject/);
  const claims: Claim[] = [(await engine.claim("w", never))!, (await engine.claim("w", never))!];
  for (const claim of claims) await claim.done(RESULT);
  await publish(0, JSON.stringify(orderOf(campaign, 0)));
  await publish(9, JSON.stringify(orderOf(campaign, 9))); // never offered
  assert.equal(await engine.claim("w", AbortSignal.timeout(500)), undefined);
  assert.deepEqual((await engine.shards(campaign, { from: 0, to: 10 })).map(({ shard, state }) => [shard, state]), [[
    0,
    "done",
  ], [1, "done"]]);
  await engine.offer([orderOf(campaign, 2)]);
  const claim = (await engine.claim("w", never))!;
  await claim.done(RESULT);
  await engine.forget(campaign, 3);
  // Of a service whose orders have more to say.
  await engine.offer([{ ...orderOf(campaign, 3), more: 1 } as ReturnType<typeof orderOf>]);
  assert.equal(await engine.claim("w", AbortSignal.timeout(500)), undefined);
  const [record] = await engine.shards(campaign, { from: 3, to: 4 });
  assert.match(`${record.state}: ${record.reason}`, /^offered: w cannot read the order: .*Unrecognized key: "more"/s);
  for (const one of [connection, engine]) await one.close();
});

test("A shard whose workers all end before it is done is buried with its reason", async () => {
  await using server = await startNats();
  const engine = await openNatsEngine({ servers: server.url, ackWait: 1, maxDeliver: 2 }),
    campaign = crypto.randomUUID();
  await engine.offer([orderOf(campaign, 0)]);
  for (const delivery of [1, 2]) {
    assert.equal((await engine.claim(`w${delivery}`, new AbortController().signal))!.delivery, delivery);
  }
  assert.equal(await engine.claim("w3", AbortSignal.timeout(2500)), undefined);
  const [{ state, reason, worker }] = await engine.dead(campaign);
  assert.deepEqual([state, reason, worker], ["dead", "whoever drew it ended before it was done, 2 times", "w2"]);
  await engine.close();
});
