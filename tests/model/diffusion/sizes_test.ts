import assert from "node:assert/strict";
import { drawSize, groupBySize, sizeDistribution } from "../../../model/diffusion/sizes.ts";

const card = { name: "m", counts: "heavyAtoms", sizes: { "9": 830, "8": 150, "10": 20 } } as const;

Deno.test("drawSize() follows the data's distribution", () => {
  const distribution = sizeDistribution(card), n = 4000, counts = new Map<number, number>();
  for (let i = 0; i < n; i++) {
    const size = drawSize(distribution, 3, i);
    counts.set(size, (counts.get(size) ?? 0) + 1);
  }
  for (const [size, weight] of Object.entries(card.sizes)) {
    const p = weight / 1000, deviation = Math.sqrt(p * (1 - p) / n);
    assert.ok(Math.abs(counts.get(Number(size))! / n - p) < 4 * deviation, `${size}: ${counts.get(Number(size))}`);
  }
});

Deno.test("drawSize() gives molecule i the same size whatever is drawn beside it", () => {
  const distribution = sizeDistribution(card);
  const forwards = [0, 1, 2, 3, 4].map((i) => drawSize(distribution, 5, i));
  const backwards = [4, 3, 2, 1, 0].map((i) => drawSize(distribution, 5, i)).reverse();
  assert.deepEqual(forwards, backwards);
});

Deno.test("sizeDistribution() restricts the data's distribution to a range, and refuses one that reaches beyond it", () => {
  assert.deepEqual(sizeDistribution(card, { min: 8, max: 9 }), { sizes: [8, 9], weights: [150, 830] });
  for (const [min, max] of [[1, 9], [9, 12], [5, 12]]) {
    const fault = new RegExp(`has not all of ${min} to ${max} heavy atoms; it has 8 to 10`);
    assert.throws(() => sizeDistribution(card, { min, max }), fault);
  }
  assert.throws(
    () => sizeDistribution(card, { min: 11, max: 20 }),
    /no molecules of 11 to 20 heavy atoms; it has 8 to 10/,
  );
});

Deno.test("groupBySize() makes even batches of one size that hold each molecule once", () => {
  const sizes = [9, 8, 9, 9, 9, 10, 9, 9], batches = groupBySize(sizes, 4, 100);
  assert.deepEqual(batches.map(({ nodes, indices }) => [nodes, indices.length]), [[10, 1], [9, 3], [9, 3], [8, 1]]);
  assert.deepEqual(batches.flatMap(({ indices }) => indices).sort(), [100, 101, 102, 103, 104, 105, 106, 107]);
  for (const { nodes, indices } of batches) for (const index of indices) assert.equal(sizes[index - 100], nodes);
  assert.throws(() => groupBySize(sizes, 0), /molecules of a batch must be at least 1; got 0/);
});
