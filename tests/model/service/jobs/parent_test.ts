import assert from "node:assert/strict";
import { talkToParent } from "../../../../model/service/jobs/parent.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A talk, and how the service speaks in it. */
function talk() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(), service = writable.getWriter();
  const told: string[] = [], interrupt = new AbortController();
  const worker = talkToParent({ input: readable, output: (text) => told.push(text), signal: interrupt.signal });
  const say = async (text: string) => {
    await service.write(new TextEncoder().encode(text));
    await turn();
  };
  return { worker, told, interrupt, say, hangUp: async () => (await service.close(), await turn()) };
}

Deno.test("talkToParent() waits when told to pause, and goes on when told to resume", async () => {
  const { worker, say, hangUp } = talk();
  assert.equal(worker.gate(), undefined);
  await say("pause\n");
  const waiting = worker.gate();
  assert.ok(waiting instanceof Promise);
  await say("resume\n");
  await waiting;
  assert.equal(worker.gate(), undefined);
  await hangUp();
});

Deno.test("talkToParent() stops, and does not go on waiting, when the service is gone or an interrupt comes", async () => {
  for (const end of ["hangUp", "interrupt"] as const) {
    const { worker, say, interrupt, hangUp } = talk();
    await say("pause\n");
    const waiting = worker.gate();
    assert.equal(worker.signal.aborted, false);
    if (end === "hangUp") await hangUp();
    else interrupt.abort();
    await waiting;
    assert.equal(worker.signal.aborted, true);
    if (end === "interrupt") await hangUp();
  }
});

Deno.test("talkToParent() tells events as a JSON line each", async () => {
  const { worker, told, hangUp } = talk(), event = { type: "failed", reason: "two\nlines" } as const;
  worker.onEvent(event);
  assert.match(told[0], /^[^\n]+\n$/);
  assert.deepEqual(JSON.parse(told[0]), event);
  await hangUp();
});
