import assert from "node:assert/strict";
import { QueueFullError } from "../../../model/generation/ledger.ts";
import { createQueue } from "../../../model/generation/queue.ts";

/** A promise and the means to fulfil it. */
const gate = () => Promise.withResolvers<void>();

Deno.test("Queue runs turns one at a time, in the order in which they were asked for", async () => {
  const queue = createQueue(), places = [queue.enter(), queue.enter(), queue.enter()];
  const seen: string[] = [];
  let running = 0;
  await Promise.all(places.map((slot, k) =>
    slot.turn(async () => {
      assert.equal(++running, 1);
      seen.push(`start ${k}`);
      await Promise.resolve();
      seen.push(`end ${k}`);
      running--;
    })
  ));
  assert.deepEqual(seen, ["start 0", "end 0", "start 1", "end 1", "start 2", "end 2"]);
});

Deno.test("Queue lets a small request pass between the slices of a large one", async () => {
  let clock = 0;
  const queue = createQueue({ sliceMs: 10, now: () => clock });
  const large = queue.enter(), small = queue.enter(), begun = gate(), seen: string[] = [];
  const first = large.turn(async (turn) => {
    begun.resolve();
    for (let step = 0; step < 4; step++) {
      seen.push(`large ${step}`);
      clock += 6;
      await turn.yield();
    }
  });
  await begun.promise;
  await Promise.all([first, small.turn(() => Promise.resolve(void seen.push("small")))]);
  assert.deepEqual(seen, ["large 0", "large 1", "small", "large 2", "large 3"]);
  assert.equal(small.waitedMs, 6);
});

Deno.test("Queue keeps the turn with whoever has it when nobody waits", async () => {
  const queue = createQueue({ sliceMs: 0 });
  let steps = 0;
  await queue.enter().turn(async (turn) => {
    for (; steps < 3; steps++) await turn.yield();
  });
  assert.equal(steps, 3);
});

Deno.test("Queue refuses a slot beyond its limit and tells when to come back", () => {
  const queue = createQueue({ limit: 2 }), slot = queue.enter();
  queue.enter();
  assert.throws(() => queue.enter(), (error) => {
    assert.ok(error instanceof QueueFullError);
    assert.ok(error.retryAfter >= 1);
    return true;
  });
  slot.leave();
  slot.leave();
  assert.equal(queue.held, 1);
  queue.enter();
  assert.equal(queue.held, 2);
});

Deno.test("Queue forgets a wait whose signal is aborted, and goes on with the next", async () => {
  const queue = createQueue(), held = gate(), going = new AbortController();
  const first = queue.enter().turn(() => held.promise);
  const second = queue.enter(going.signal).turn(() => Promise.reject(new Error("must not run")));
  const third = queue.enter().turn(() => Promise.resolve("third"));
  going.abort(new Error("gone"));
  await assert.rejects(second, /gone/);
  held.resolve();
  await first;
  assert.equal(await third, "third");
});

Deno.test("Queue gives the device back when work throws, between slices too", async () => {
  const queue = createQueue({ sliceMs: 0 }), going = new AbortController();
  await assert.rejects(queue.enter().turn(() => Promise.reject(new Error("broken"))), /broken/);
  const begun = gate(), other = gate();
  const aborted = queue.enter(going.signal).turn(async (turn) => {
    begun.resolve();
    await turn.yield();
    await turn.yield();
  });
  await begun.promise;
  const next = queue.enter().turn(() => other.promise);
  going.abort(new Error("gone"));
  other.resolve();
  await assert.rejects(aborted, /gone/);
  await next;
  assert.equal(await queue.enter().turn(() => Promise.resolve(7)), 7);
});

Deno.test("createQueue() refuses limits that make no sense", () => {
  assert.throws(() => createQueue({ limit: 0 }), /limit must be a positive integer; got 0/);
  assert.throws(() => createQueue({ sliceMs: -1 }), /sliceMs must be at least 0; got -1/);
});
