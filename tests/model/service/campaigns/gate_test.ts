import assert from "node:assert/strict";
import { createQueue } from "../../../../model/generation/queue.ts";
import { createGate } from "../../../../model/service/campaigns/gate.ts";

Deno.test("a gate is open while no request is held, and shut while one is, but for its share", async () => {
  const queue = createQueue(), shut = createGate(queue, 0), { signal } = new AbortController();
  await shut.pass(signal);
  const slot = queue.enter();
  let passed = false;
  const waiting = shut.pass(signal).then(() => passed = true);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(passed, false);
  await createGate(queue, 0.1).pass(signal); // at first it has had less than its share
  slot.leave();
  await waiting;
});

Deno.test("a gate throws the signal's reason when it is aborted", async () => {
  const queue = createQueue(), abort = new AbortController();
  queue.enter();
  const waiting = createGate(queue, 0).pass(abort.signal);
  abort.abort(new Error("over"));
  await assert.rejects(waiting, /over/);
});

Deno.test("Queue.background() holds no slot, takes turns with requests, and says that it is in the background", async () => {
  const queue = createQueue({ limit: 1 }), background = queue.background();
  assert.deepEqual([queue.held, background.background, background.alone], [0, true, false]);
  const request = queue.enter(), order: string[] = [];
  assert.deepEqual([request.background, request.alone], [false, true]);
  const first = background.turn(async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    order.push("shard");
  });
  await Promise.all([first, request.turn(() => Promise.resolve(void order.push("request")))]);
  assert.deepEqual(order, ["shard", "request"]);
  background.leave();
  assert.equal(queue.held, 1);
});
