import assert from "node:assert/strict";
import { choose, type DataMeasured, type Measured } from "../../../model/evaluation/choose.ts";

const rate = (value: number, n = 500) => ({ value, low: 0, high: 1, n });
const measured = (
  stable: number,
  groups: number | null,
  more: { validUnique?: number; sound?: number } = {},
): Measured => ({
  moleculeStability: rate(stable),
  validUnique: rate(more.validUnique ?? 0.9),
  sound: more.sound === undefined ? rate(0, 0) : rate(more.sound),
  groups,
});
const data = (stable: number) =>
  ({ metrics: { moleculeStability: rate(stable), validUnique: rate(0.97) } }) as unknown as DataMeasured;

Deno.test("choose() weighs stability against composition, in units of noise", () => {
  const [stable, near, poor] = [measured(0.8, 0.07), measured(0.785, 0.03), measured(0.7, 0.01)];
  assert.equal(choose([poor, stable, near]).best, near);
  assert.equal(choose([poor, stable, near], data(0.72)).best, poor, "no more stability is asked for than the data has");
  const [first, second] = [measured(0.78, null), measured(0.79, null)];
  assert.equal(choose([first, second]).best, second, "by stability where nobody counted groups");
  assert.throws(() => choose([]), /candidates must be at least 1; got 0/);
});

Deno.test("choose() does not take the most stable where it draws twisted molecules, or ever the same", () => {
  const [twisted, sound, same] = [
    measured(0.95, 0.02, { sound: 0.85 }),
    measured(0.94, 0.02, { sound: 0.95 }),
    measured(0.97, 0.02, { sound: 0.95, validUnique: 0.6 }),
  ];
  const { best, front } = choose([twisted, sound, same]);
  assert.equal(best, sound);
  assert.deepEqual(front.map(({ one }) => one), [sound, twisted, same]);
  assert.match(front[1].why, /^molecule stability 2\.0 points behind, sound 10\.0 points behind$/);
});

Deno.test("choose() has in the front only what nothing else beats in all", () => {
  const [better, worse] = [measured(0.9, 0.02), measured(0.85, 0.03)];
  const { front } = choose([worse, better]);
  assert.deepEqual(front, [{ one: better, total: 0, why: "the best in all" }]);
});
