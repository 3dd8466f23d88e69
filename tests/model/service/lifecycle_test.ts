import assert from "node:assert/strict";
import { createLifecycle, shutDown } from "../../../model/service/lifecycle.ts";

Deno.test("shutDown() says that it drains before it closes the port, and aborts nothing that ends in time", async () => {
  const lifecycle = createLifecycle();
  lifecycle.enter("ready");
  let seen = "";
  await shutDown(lifecycle, () => Promise.resolve(void (seen = lifecycle.state)), {
    drainSeconds: 0,
    shutdownSeconds: 60,
  });
  assert.equal(seen, "draining");
  assert.equal(lifecycle.signal.aborted, false);
});

Deno.test("shutDown() aborts what has not ended in time", async () => {
  const lifecycle = createLifecycle(), { promise, resolve } = Promise.withResolvers<void>();
  lifecycle.signal.addEventListener("abort", () => resolve());
  await shutDown(lifecycle, () => promise, { drainSeconds: 0, shutdownSeconds: 0 });
  assert.match(String(lifecycle.signal.reason), /shutting down/);
});

Deno.test("Lifecycle stays draining when models are ready only then", () => {
  const lifecycle = createLifecycle();
  assert.equal(lifecycle.state, "starting");
  lifecycle.enter("draining");
  lifecycle.enter("ready");
  assert.equal(lifecycle.state, "draining");
});
