/** Rounds over a real NATS server while worker, service and server are killed, a worker is cut off, and a service ends between two steps of a round's end. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { AwayError } from "../../../../model/campaigns/engine.ts";
import { natsExchange, type RoundExchange } from "../../../../model/service/jobs/nats/exchange.ts";
import { openJobStore } from "../../../../model/service/jobs/store.ts";
import type { StoredEvent } from "../../../../model/service/jobs/types.ts";
import { startChild } from "../../../mortal_child.ts";
import { filesIn, plan, service, testElsewhere, worker } from "./elsewhere.ts";
import { scripted } from "./scripted.ts";

const CHILD = join(import.meta.dirname!, "rounds_child.ts");
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the script makes of a round that nothing disturbs. */
async function undisturbed(root: string): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ dir: root }), { trainer: [program, ...args] } = scripted(`${root}/script`);
  const whole = [...args, "--folder", folder, "--settings", JSON.stringify(plan.settings)];
  await new Deno.Command(program, { args: whole, stdin: "piped", stdout: "null" }).spawn().status;
  return await Deno.readFile(`${folder}/student.safetensors`);
}

/** Updates that events say are saved. */
const saved = (events: readonly StoredEvent[]) =>
  events.flatMap(({ event }) => event.type === "saved" ? [event.update] : []);

/** That a round began `starts` times, each from a checkpoint that it had, told each update once from there, ended, and was published once, as nothing had happened. */
async function holds(root: string, expected: Uint8Array, starts: number, updates: number) {
  const store = openJobStore(`${root}/jobs.sqlite`), [{ id, state }] = store.list(1, 0), events = store.events(id);
  store.close();
  assert.equal(state, "done");
  assert.deepEqual(await Deno.readFile(`${root}/jobs/${id}/student.safetensors`), expected);
  assert.equal((await Deno.readTextFile(`${root}/published`)).trim().split("\n").length, 1);
  for (const type of ["judged", "finished"]) {
    assert.equal(events.filter(({ event }) => event.type === type).length, 1, type);
  }
  const begins = events.flatMap(({ event }) => event.type === "started" ? [event.update] : []);
  assert.equal(begins.length, starts, begins.join());
  let at = 0;
  for (const { event } of events) {
    if (event.type === "started") {
      // A checkpoint is kept before it is told, so that whoever is killed between the two has not told the last.
      assert.ok(event.update === at || event.update === at + 1, `it went on from ${event.update} after ${at}`);
      at = event.update;
    } else if (event.type === "saved") assert.equal(event.update, ++at);
  }
  assert.equal(at, updates);
}

testElsewhere(
  "a round whose worker, service and NATS server are each killed loses nothing, goes on from its last checkpoint, and is published once, bit for bit",
  async (root, server) => {
    const updates = 24, { write } = scripted(`${root}/script`);
    await write({ act: "train", updates, ms: 1 });
    const expected = await undisturbed(root);
    await write({ act: "train", updates, ms: 120 });
    const start = (...args: string[]) => startChild(CHILD, args[0], server.url, root, ...args.slice(1));
    const first = start("worker", "w1"), life = start("service");
    await life.told(8);
    await first.kill();
    const second = start("worker", "w2");
    await life.told(12);
    await server.kill();
    await wait(300);
    await server.start();
    await life.told(16);
    await life.kill();
    await wait(300);
    await server.kill();
    await server.start();
    const next = start("service");
    assert.ok(await next.ended(), next.lines.join());
    await second.kill();
    await holds(root, expected, 2, updates);
    const exchange = natsExchange({ servers: server.url });
    assert.deepEqual([await exchange.jobs(), [...Deno.readDirSync(`${root}/files`)]], [[], []]);
    await exchange.close();
  },
);

testElsewhere(
  "a worker that is cut off for longer than its lease loses the round to another, hears of it, and ends its process",
  async (root, server) => {
    const { supervisor, store, end } = service(root, server.url, { lease: 0.5 }),
      { write } = scripted(`${root}/script`);
    await write({ act: "train", updates: 10, ms: 1 });
    const expected = await undisturbed(root), own = natsExchange({ servers: server.url });
    let cut = false;
    const cutOff = new Proxy(own, {
      get: (target, name: keyof RoundExchange) =>
        name === "close" ? target.close : (...args: unknown[]) => {
          if (cut) return Promise.reject(new AwayError("cut off"));
          return (target[name] as (...args: unknown[]) => Promise<unknown>)(...args);
        },
    });
    await write({ act: "train", updates: 10, ms: 100 });
    const notes: string[] = [],
      first = worker(root, server.url, { name: "first", exchange: cutOff, onNote: (_, note) => void notes.push(note) });
    const { id } = await supervisor.submit(plan), events = () => store.events(id);
    while (saved(events()).length < 3) await wait(10);
    cut = true;
    const silent = () =>
      events().some(({ event }) => event.type === "state" && /first was not heard of/.test(event.reason ?? ""));
    while (!silent()) await wait(10);
    const second = worker(root, server.url, { name: "second" });
    while (saved(events()).length < 6) await wait(10);
    cut = false;
    while (!notes.includes("round lost")) await wait(10);
    while (supervisor.current) await wait(10);
    assert.deepEqual(
      [...Deno.readDirSync(`${root}/first`)].map(({ name }) => name).filter((name) => name.startsWith(id)),
      [],
    );
    for (const one of [first, second]) await one.end();
    await own.close();
    await end();
    await holds(root, expected, 2, 10);
  },
);

testElsewhere(
  "a service that ends before a student is fetched, or after its end is told and before it is published, publishes it once in its next life",
  async (root, server) => {
    const able = worker(root, server.url, { name: "able" });
    await able.write({ act: "train", updates: 2, ms: 1 });
    const expected = await undisturbed(root),
      unfetched = { ...filesIn(root), get: () => Promise.reject(new Error("the disk is full")) };
    const first = service(root, server.url, { files: unfetched }), { id } = await first.supervisor.submit(plan);
    while (first.store.get(id).reason !== "the disk is full") await wait(10);
    await first.end();
    const exchange = natsExchange({ servers: server.url }),
      unforgotten = { ...exchange, forget: () => Promise.reject(new Error("not now")) };
    const second = service(root, server.url, { exchange: unforgotten });
    await second.supervisor.recover();
    while (second.store.get(id).reason !== "not now") await wait(10);
    await second.end();
    assert.deepEqual([first.published, second.published, await exchange.jobs()], [[], [], [id]]);
    const third = service(root, server.url);
    await third.supervisor.recover();
    while (third.supervisor.current) await wait(10);
    assert.deepEqual([third.published, await exchange.jobs()], [["qm9"], []]);
    await third.end();
    await able.end();
    await exchange.close();
    await holds(root, expected, 1, 2);
  },
);
