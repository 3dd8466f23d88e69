import assert from "node:assert/strict";
import { createHistogram, jensenShannon, jensenShannonOfKinds, meanOf, wasserstein } from "../../chem/histogram.ts";

function histogram(values: readonly number[], width = 0.1) {
  const builder = createHistogram(width);
  for (const value of values) builder.add(value);
  return builder.histogram();
}

Deno.test("createHistogram() puts whole multiples of the width into their own bin", () => {
  assert.deepEqual(histogram([0.3, 0.1, 0.3, 0.35, -0.1]), { width: 0.1, first: -1, counts: [1, 0, 1, 0, 3] });
  assert.deepEqual(histogram([]), { width: 0.1, first: 0, counts: [] });
  assert.throws(() => createHistogram(0), /bin width must be above 0; got 0/);
  assert.ok(Math.abs(meanOf(histogram([0.3, 0.5]))! - 0.4) < 1e-12);
  assert.equal(meanOf(histogram([])), null);
});

Deno.test("wasserstein() is the mean distance of sorted samples", () => {
  // Of equally many samples W1 is the mean |a_(k) - b_(k)| (the quantile form).
  const a = [0.1, 0.4, 0.4, 2], b = [0.2, 0.3, 1.1, 0.9];
  const sorted = (v: number[]) => v.toSorted((x, y) => x - y);
  const expected = sorted(a).reduce((sum, x, k) => sum + Math.abs(x - sorted(b)[k]), 0) / 4;
  assert.ok(Math.abs(wasserstein(histogram(a), histogram(b))! - expected) < 1e-12);
  assert.equal(wasserstein(histogram(a), histogram(b)), wasserstein(histogram(b), histogram(a)));
  assert.ok(Math.abs(wasserstein(histogram([0]), histogram([0.7, 0.7]))! - 0.7) < 1e-12);
  assert.equal(wasserstein(histogram(a), histogram([])), null);
  assert.throws(() => wasserstein(histogram(a), histogram(b, 0.2)), /bin widths .* equal; got 0.1 and 0.2/);
});

Deno.test("jensenShannon() goes from 0 for equal to 1 for disjoint, whatever the counts add up to", () => {
  assert.equal(jensenShannon([1, 3], [10, 30]), 0);
  assert.equal(jensenShannon([5, 0], [0, 2]), 1);
  // Half of p lies where q is: divergence = 1/2 KL(p|m) + 1/2 KL(q|m) with m = (3/4, 1/4).
  const expected = Math.sqrt(0.25 * Math.log2(2 / 3) + 0.25 * Math.log2(2) + 0.5 * Math.log2(4 / 3));
  assert.ok(Math.abs(jensenShannon([1, 1], [1, 0])! - expected) < 1e-12);
  assert.equal(jensenShannon([], [1]), null);
  assert.equal(jensenShannonOfKinds({ C: 2, H: 2 }, { H: 7, C: 7 }), 0);
  assert.equal(jensenShannonOfKinds({ C: 2 }, { H: 7 }), 1);
});
