import assert from "node:assert/strict";
import { judge } from "../../../model/distillation/judge.ts";

const drawn = (steps: number, value: number) => {
  const rate = { value, low: value - 0.01, high: value + 0.01, n: 1000 };
  return { steps, moleculeStability: rate, atomStability: rate, validity: rate, validUnique: rate };
};

Deno.test("judge() accepts a student within its bound of its teacher, and says both in numbers", () => {
  assert.equal(judge({ accept: 5 }, drawn(8, 0.8), drawn(16, 0.84)).accepted, true);
  const lost = judge({ accept: 3 }, drawn(8, 0.8), drawn(16, 0.84));
  assert.equal(lost.accepted, false);
  assert.match(lost.why, /80\.0 % at 8 steps, its teacher 84\.0 % at 16 \(n = 1000\): not within 3 points/);
  const none = judge({ accept: 5 }, drawn(1, 0), drawn(2, 0));
  assert.deepEqual([none.accepted, /no stable molecule$/.test(none.why)], [false, true]);
  assert.equal(judge({ accept: 100 }, drawn(1, 0), drawn(2, 0)).accepted, true);
  assert.equal(judge({ accept: 0 }, drawn(8, 0.9), drawn(16, 0.84)).accepted, true);
});
