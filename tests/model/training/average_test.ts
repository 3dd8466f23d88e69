import assert from "node:assert/strict";
import { averageWeights } from "../../../model/training/average.ts";

const network = (...values: number[]) => new Map([["w", { shape: [values.length], data: Float32Array.from(values) }]]);

Deno.test("averageWeights() is the mean by shares, of networks that are alike", () => {
  const parts = [{ tensors: network(1, 2), share: 0.25 }, { tensors: network(5, -2), share: 0.75 }];
  assert.deepEqual(averageWeights(parts), network(4, -1));
  assert.throws(() => averageWeights(parts.slice(0, 1)), /shares must add up to 1; got 0.25/);
  assert.throws(
    () => averageWeights([parts[0], { ...parts[1], tensors: network(1) }]),
    /networks must have the same tensors; w is 2 and 1/,
  );
});
