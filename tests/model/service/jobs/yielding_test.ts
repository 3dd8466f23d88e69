import assert from "node:assert/strict";
import { createYielding } from "../../../../model/service/jobs/yielding.ts";
import { random } from "../../../../model/diffusion/random.ts";

const TICK = 20;

/** Runs a policy, a decision each tick; returns whether the round ran in each. */
const simulate = (share: number, ticks: number, busy: (at: number) => boolean): boolean[] => {
  const policy = createYielding({ share });
  return Array.from({ length: ticks }, (_, k) => policy.allows(1000 + k * TICK, busy(k * TICK)));
};
const part = (ran: readonly boolean[]) => ran.filter(Boolean).length / ran.length;

Deno.test("createYielding() lets the round run when nothing is asked of the service", () => {
  assert.equal(part(simulate(0.1, 1000, () => false)), 1);
});

Deno.test("createYielding() lets the round wait while requests are held, and for a moment after", () => {
  const ran = simulate(0, 1000, (at) => at >= 2000 && at < 6000);
  const first = ran.indexOf(false), last = ran.lastIndexOf(false);
  assert.deepEqual([first * TICK, last * TICK], [2000, 6000 - TICK + 250 - 250 % TICK]);
  assert.ok(ran.slice(first, last + 1).every((one) => !one));
});

Deno.test("createYielding() gives the round its share of any 10 s, and hardly more, while requests never end", () => {
  for (const share of [0.05, 0.1, 0.5]) {
    const ran = simulate(share, 5000, (at) => at >= 20_000), size = 10_000 / TICK, begin = 20_000 / TICK;
    for (let from = 0; from + size <= ran.length; from += 7) {
      assert.ok(part(ran.slice(from, from + size)) >= share - 0.01, `${share} from ${from}`);
    }
    assert.ok(part(ran.slice(begin + size)) <= share + 0.02);
  }
});

Deno.test("createYielding() gives the round its share when requests come and go", () => {
  const draws = random(5);
  let until = 0, held = false;
  const ran = simulate(0.1, 20_000, (at) => {
    if (at >= until) {
      held = !held;
      until = at + (held ? 6000 : 300) * draws.uniform();
    }
    return held;
  });
  for (let from = 0; from + 500 <= ran.length; from++) assert.ok(part(ran.slice(from, from + 500)) >= 0.09);
});

Deno.test("createYielding() never waits where the round's share is all", () => {
  assert.equal(part(simulate(1, 500, () => true)), 1);
});

Deno.test("createYielding() refuses a share that is none", () => {
  assert.throws(() => createYielding({ share: 1.5 }), /share must be 0 to 1; got 1.5/);
});
