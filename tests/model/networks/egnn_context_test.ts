import assert from "node:assert/strict";
import { contextRows, withContext } from "../../../model/networks/egnn_context.ts";

const conditions = [
  { name: "cv" as const, mean: -22, deviation: 5, perAtom: 3 },
  { name: "gap" as const, mean: 7, deviation: 2 },
];

Deno.test("contextRows() gives each value less its atoms' share and the mean, in deviations, in the network's order", () => {
  const shape = { batch: 2, nodes: 4 };
  assert.deepEqual([...contextRows({ gap: 8, cv: 15 }, shape, conditions)], [5, 0.5, 5, 0.5]);
  const each = [{ gap: 7, cv: -10 }, { gap: 3, cv: 0 }];
  assert.deepEqual([...contextRows(each, shape, conditions)], [0, 0, 2, -2]);
  assert.deepEqual([...contextRows({ gap: 7, cv: -10 }, { batch: 1, nodes: 9 }, conditions)], [-3, 0]);
  assert.equal(contextRows(undefined, shape).length, 0);
});

Deno.test("contextRows() refuses what is not told, told too much, or told of others", () => {
  const shape = { batch: 2, nodes: 4 };
  assert.throws(
    () => contextRows({ gap: 7 }, shape, conditions),
    /properties must have cv, which this network is told/,
  );
  assert.throws(() => contextRows(undefined, shape, conditions), /must have cv/);
  assert.throws(() => contextRows({ gap: 7 }, shape), /must be absent of a network that is told none/);
  assert.throws(() => contextRows([{ gap: 7, cv: 1 }], shape, conditions), /must be of 2 molecules; got 1/);
});

Deno.test("withContext() puts a molecule's context behind the features of each of its nodes", () => {
  const features = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), context = Float32Array.of(-1, -2);
  assert.deepEqual(
    [...withContext(features, context, { batch: 2, nodes: 2 })],
    [1, 2, -1, 3, 4, -1, 5, 6, -2, 7, 8, -2],
  );
  assert.equal(withContext(features, new Float32Array(), { batch: 2, nodes: 2 }), features);
});
