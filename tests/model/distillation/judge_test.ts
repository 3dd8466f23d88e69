import assert from "node:assert/strict";
import { groupNames } from "../../../chem/composition.ts";
import type { Drawn } from "../../../model/distillation/events.ts";
import { judge } from "../../../model/distillation/judge.ts";

const drawn = (steps: number, value: number) => {
  const rate = { value, low: value - 0.01, high: value + 0.01, n: 1000 };
  return { steps, moleculeStability: rate, atomStability: rate, validity: rate, validUnique: rate };
};

Deno.test("judge() accepts a student within its bound of its teacher, and says both in numbers", () => {
  assert.equal(judge({ accept: 5 }, drawn(8, 0.8), drawn(16, 0.84)).accepted, true);
  const lost = judge({ accept: 3 }, drawn(8, 0.8), drawn(16, 0.84));
  assert.equal(lost.accepted, false);
  assert.match(
    lost.why,
    /80\.0 % at 8 steps, its teacher 84\.0 % at 16 \(n = 1000\); valid x unique .*: not within 3 points/,
  );
  const none = judge({ accept: 5 }, drawn(1, 0), drawn(2, 0));
  assert.deepEqual([none.accepted, /no stable molecule$/.test(none.why)], [false, true]);
  assert.equal(judge({ accept: 100 }, drawn(1, 0), drawn(2, 0)).accepted, true);
  assert.equal(judge({ accept: 0 }, drawn(8, 0.9), drawn(16, 0.84)).accepted, true);
});

Deno.test("judge() refuses a student that is stable and draws other or unsound molecules, and says which", () => {
  const rate = (value: number) => ({ value, low: 0, high: 1, n: 1000 });
  const shares = (ether: number) =>
    Object.fromEntries(
      groupNames.map((name) => [name, { value: name === "ether" ? ether : 0.2 }]),
    ) as Drawn["composition"];
  const whole = (sound: number, ether: number): Drawn => ({
    ...drawn(8, 0.9),
    sound: rate(sound),
    composition: shares(ether),
  });
  const teacher = whole(0.95, 0.3);
  assert.equal(judge({ accept: 5 }, whole(0.93, 0.3), teacher).accepted, true);
  const unsound = judge({ accept: 5 }, whole(0.8, 0.3), teacher);
  assert.equal(unsound.accepted, false);
  assert.match(unsound.why, /sound 80\.0 %, its teacher 95\.0 %.*: not within 5 points in sound$/);
  // One of 22 groups 70 points from the teacher's: 3.2 in the mean, of which chance takes up to twice 1.4.
  const other = judge({ accept: 0.2 }, whole(0.95, 1), teacher);
  assert.deepEqual([other.accepted, /shares of groups 3\.2 points from its teacher's in the mean/.test(other.why)], [
    false,
    true,
  ]);
  assert.match(other.why, /not within 0\.2 points in shares of groups$/);
  assert.equal(judge({ accept: 0 }, teacher, teacher).accepted, true, "no worse than by chance");
  assert.equal(judge({ accept: 100 }, whole(0, 1), teacher).accepted, true);
});
