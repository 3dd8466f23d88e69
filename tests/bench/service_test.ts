import assert from "node:assert/strict";
import { askAt } from "../../bench/clients.ts";
import { arrivals, benchMixture } from "../../bench/mixture.ts";
import { benchService } from "../../bench/service.ts";
import { withFolder, writeTinyModel } from "../model/tiny_model.ts";

Deno.test("arrivals() are the same at each call, in order, and within the window", () => {
  const at = arrivals(4);
  assert.deepEqual(arrivals(4), at);
  assert.ok(at.length >= 4000 / 300 - 1 && at.length <= 4000 / 100);
  at.forEach((time, k) => assert.ok(time < 4000 && time - (at[k - 1] ?? 0) >= 100));
});

Deno.test("askAt() asks without waiting for answers, and counts from the time when a request should have come", async () => {
  let held = 0, most = 0;
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const service = {
    async generate({ count }: { count: number }) {
      most = Math.max(most, ++held);
      if (held === 3) open();
      await gate;
      held--;
      return { returned: count, backend: "", timings: {}, metrics: {} };
    },
  };
  const { times, molecules } = await askAt(service, { count: 2, steps: 1, at: [0, 1, 30] });
  assert.equal(most, 3);
  assert.equal(molecules, 6);
  assert.ok(times[0] >= 29 && times[0] > times[2], String(times));
});

Deno.test("benchService() gives each client a place, and counts its requests", async () => {
  await withFolder(async (root) => {
    await writeTinyModel(root);
    const { rows, settings } = await benchService({
      ...{ root, model: "qm9", weights: "test", backend: "wasm", count: 2, steps: 1, window: 0.01 },
      clients: [1, 40],
      requests: 2,
    });
    assert.equal(settings.places, 40);
    assert.equal(settings.backend, "wasm");
    assert.ok(Number(rows[0].requests) >= 2 && Number(rows[1].requests) >= 80);
    assert.ok(rows.every((row) => Number(row["molecules/s"]) > 0 && Number(row["p99 ms"]) >= Number(row["median ms"])));
  });
});

Deno.test("benchMixture() tells how many steps of large requests a lone one is delayed", async () => {
  await withFolder(async (root) => {
    await writeTinyModel(root, { sizes: { "9": 1 } });
    const { rows, settings } = await benchMixture({ root, model: "qm9", weights: "test", backend: "wasm", window: 1 });
    assert.ok(Number(settings["step ms"]) > 0);
    assert.deepEqual(rows.map((row) => row["large requests"]), [0, 1, 4]);
    assert.equal(rows[0]["delay, steps, median"], 0);
    assert.equal(rows[0]["large molecules/s"], null);
    assert.ok(rows.slice(1).every((row) => Number(row["large molecules/s"]) > 0 && Number(row.requests) >= 3));
  });
});
