import assert from "node:assert/strict";
import { halvesOf } from "../../chem/halves.ts";

Deno.test("halvesOf() cuts a training split in two as EDM does, whatever order it comes in, and no row is in both", () => {
  // NumPy: RandomState(42).permutation(100000), places 0 to 2 and 50000 to 50002.
  const train = Int32Array.from({ length: 100_000 }, (_, k) => 3 * k), { regressor, generator } = halvesOf(train);
  assert.deepEqual([...regressor.subarray(0, 3)], [3 * 75721, 3 * 80184, 3 * 19864]);
  assert.deepEqual([...generator.subarray(0, 3)], [3 * 85797, 3 * 47354, 3 * 6327]);
  assert.deepEqual(halvesOf(train.toReversed()), { regressor, generator });
  assert.equal(new Set([...regressor, ...generator]).size, 100_000);
});
