import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { watchLoop } from "../../routes/loop_lag.ts";

Deno.test("watchLoop() sees a stretch that blocks the event loop", async () => {
  const lags: number[] = [], lag = watchLoop({ everyMs: 10, onLag: (ms) => lags.push(ms) });
  try {
    await wait(30);
    const until = performance.now() + 200;
    while (performance.now() < until);
    await wait(30);
    assert.ok(lag.worst >= 190, `${lag.worst} ms`);
    assert.equal(Math.max(...lags), lag.worst);
    assert.ok(lags.length >= 3);
  } finally {
    lag.stop();
  }
});

Deno.test("watchLoop() forgets what is more than a minute old", async () => {
  let skip = 0;
  const lag = watchLoop({ everyMs: 5, now: () => performance.now() + skip });
  try {
    await wait(20);
    skip += 500;
    await wait(20);
    assert.ok(lag.worst >= 490);
    lag.stop(); // what is told after this has nothing new in it
    skip += 40_000;
    assert.ok(lag.worst >= 490);
    skip += 31_000;
    assert.equal(lag.worst, 0);
  } finally {
    lag.stop();
  }
});
