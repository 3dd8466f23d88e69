import assert from "node:assert/strict";
import { type Judged, summarise } from "../../chem/metrics.ts";
import { wilson } from "../../chem/rate.ts";

const near = (found: number, expected: number, tolerance = 5e-5) =>
  assert.ok(Math.abs(found - expected) < tolerance, `${found} is not near ${expected}`);

const judged = (edmSmiles: string | null, stableAtoms = 5, atoms = 5, connected = edmSmiles !== null): Judged => {
  return { valid: edmSmiles !== null, stable: stableAtoms === atoms, stableAtoms, atoms, connected, edmSmiles };
};

Deno.test("wilson() agrees with published intervals", () => {
  // Newcombe, Stat. Med. 17, 857 (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29.
  for (
    const [r, n, low, high] of [[81, 263, 0.2553, 0.3662], [15, 148, 0.0624, 0.1605], [0, 20, 0, 0.1611], [
      1,
      29,
      0.0061,
      0.1718,
    ]]
  ) {
    const found = wilson(r, n);
    near(found.value, r / n), near(found.low, low), near(found.high, high);
  }
});

Deno.test("wilson() holds its value and stays in [0, 1] when all or none succeed", () => {
  for (const n of [1, 3, 10, 1000, 10000]) {
    for (const r of [0, n]) {
      const { value, low, high } = wilson(r, n);
      assert.ok(0 <= low && low <= value && value <= high && high <= 1);
    }
  }
  assert.deepEqual(wilson(0, 0), { value: 0, low: 0, high: 1, n: 0 });
  assert.throws(() => wilson(3, 2), { name: "RangeError", message: /3 of 2/ });
});

Deno.test("summarise() counts by EDM's definitions", () => {
  const found = summarise([
    judged("A"),
    judged("A"),
    judged("B", 3),
    judged("C", 8, 10, false),
    judged(null, 0, 5),
  ], { training: new Set(["A", "D"]) });
  const values = Object.fromEntries(
    Object.entries(found).map(([k, v]) => [k, typeof v === "number" ? v : [v.value, v.n]]),
  );
  assert.deepEqual(values, {
    count: 5,
    validity: [4 / 5, 5],
    moleculeStability: [2 / 5, 5],
    atomStability: [21 / 30, 30],
    uniqueness: [3 / 4, 4],
    validUnique: [3 / 5, 5],
    connected: [3 / 5, 5],
    novelty: [2 / 3, 3],
  });
});

Deno.test("summarise() counts by InChIKey where there are any; a SMILES stands in for one that InChI has no word for", () => {
  const told = (edmSmiles: string, inchikey: string | null, smiles: string) => ({
    ...judged(edmSmiles),
    inchikey,
    smiles,
  });
  // Two mirror images are one flat molecule, two tautomers one InChIKey.
  const records = [told("A", "A-R-N", "a1"), told("A", "A-S-N", "a2"), told("B", "T", "b"), told("C", "T", "c")];
  const found = summarise([...records, told("D", null, "d"), told("E", null, "d"), judged(null)]);
  assert.deepEqual([found.uniqueness.value, found.validUnique.value], [5 / 6, 5 / 7]);
  assert.deepEqual([found.uniquenessByInchikey!.value, found.uniquenessByInchikey!.n], [4 / 6, 6]);
  assert.deepEqual([found.validUniqueByInchikey!.value, found.validUniqueByInchikey!.n], [4 / 7, 7]);
  assert.equal(summarise([told("A", null, "a")]).uniquenessByInchikey, undefined);
});

Deno.test("summarise() leaves novelty out when there is no training set", () => {
  assert.ok(!("novelty" in summarise([judged("A")])));
});

Deno.test("summarise() gives empty rates when there is no molecule", () => {
  const { count, ...rates } = summarise([], { training: new Set() });
  assert.equal(count, 0);
  for (const rate of Object.values(rates)) assert.deepEqual(rate, { value: 0, low: 0, high: 1, n: 0 });
});

Deno.test("summarise() widens atom stability's interval when unstable atoms come together", () => {
  const spread = summarise(Array.from({ length: 100 }, () => judged("A", 9, 10))).atomStability;
  const together = summarise(Array.from({ length: 100 }, (_, k) => judged("A", k < 90 ? 10 : 0, 10))).atomStability;
  assert.equal(spread.value, together.value);
  // Ten atoms that stand or fall together are one case: 90 of 100 molecules (99, as the variance is estimated).
  const expected = wilson(90 * 0.99, 99);
  near(together.low, expected.low, 1e-9), near(together.high, expected.high, 1e-9);
  assert.ok(spread.high - spread.low < 2 * (together.high - together.low));
});
