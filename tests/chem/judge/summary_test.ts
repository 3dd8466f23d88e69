import assert from "node:assert/strict";
import type { Composition, Group } from "../../../chem/composition.ts";
import { groupNames } from "../../../chem/composition.ts";
import { bootstrap, quantile } from "../../../chem/judge/bootstrap.ts";
import type { Findings } from "../../../chem/judge/findings.ts";
import { chanceDifference, createJudgeSummary, meanDifference, spreadOf } from "../../../chem/judge/summary.ts";

Deno.test("quantile() interpolates between neighbours, and spreadOf() has the medians' known interval", () => {
  assert.deepEqual([0, 0.25, 0.5, 1].map((q) => quantile([1, 2, 3, 4, 5], q)), [1, 2, 3, 5]);
  assert.equal(quantile([1, 2], 0.5), 1.5);
  // Of 400 even values from 0 to 1 the median's standard error is 1 / (2 sqrt(400)) = 0.025.
  const { median, ninety, n } = spreadOf(Array.from({ length: 400 }, (_, k) => k / 399));
  assert.equal(n, 400);
  assert.ok(Math.abs(median.value - 0.5) < 1e-9 && Math.abs(ninety.value - 0.9) < 1e-9);
  assert.ok(Math.abs(median.high - median.low - 4 * 0.025) < 0.03, `${median.low} to ${median.high}`);
});

Deno.test("bootstrap() gives a mean's interval, the same each time", () => {
  const values = Array.from({ length: 1000 }, (_, k) => k % 2),
    mean = (places: Uint32Array) => places.reduce((sum, place) => sum + values[place], 0) / places.length;
  const { value, low, high } = bootstrap(1000, mean);
  assert.equal(value, 0.5);
  assert.ok(Math.abs(high - low - 2 * 1.96 * 0.5 / Math.sqrt(1000)) < 0.015, `${low} to ${high}`);
  assert.deepEqual(bootstrap(1000, mean), { value, low, high });
  assert.throws(() => bootstrap(0, mean), /molecules must be at least 1; got 0/);
});

const shares = (ether: number) =>
  Object.fromEntries(
    groupNames.map((name) => [name, { value: name === "ether" ? ether : 0, low: 0, high: 1, n: 10 }]),
  ) as Composition;

Deno.test("chanceDifference() is what molecules of the very shares differ by on average", () => {
  let sum = 0, state = 1;
  const next = () => (state = state * 48271 % 2147483647) / 2147483647;
  const own = shares(0.3), n = 200, times = 2000;
  for (let k = 0; k < times; k++) {
    let hits = 0;
    for (let i = 0; i < n; i++) if (next() < 0.3) hits++;
    sum += meanDifference(shares(hits / n), own);
  }
  const expected = chanceDifference(n, own);
  assert.ok(Math.abs(sum / times / expected - 1) < 0.05, `${sum / times} for ${expected}`);
});

const molecule = (more: Partial<Findings> & { edmSmiles?: string }) => {
  const nothing = { pyramidal: null, puckered: null, contact: null, angle: null, strains: [], faults: [], twists: {} };
  const findings = {
    ...nothing,
    groups: [] as Group[],
    logP: 0,
    tpsa: 0,
    fractionCsp3: 0,
    scaffold: null,
    motifs: [],
    ...more,
  };
  return { validation: { valid: true, connected: true, edmSmiles: more.edmSmiles ?? "C", bondsAgree: true, findings } };
};

Deno.test("createJudgeSummary() counts each share among those that could have it", () => {
  const summary = createJudgeSummary({ training: new Set(["a"]), motifs: new Set(["m", "scaffold:C1CC1"]) });
  summary.add(molecule({ twists: { alkene: 35, imine: 2 }, faults: ["twistedAlkene"], edmSmiles: "a", motifs: ["m"] }));
  summary.add(molecule({ twists: { alkeneFused: 10 }, scaffold: "C1CC1", strains: ["bridged"], motifs: ["m", "x"] }));
  summary.add(molecule({ scaffold: "C1CC1", groups: ["ether"], logP: 1 }));
  summary.add({ validation: { valid: false, connected: false, edmSmiles: null, bondsAgree: false } });
  const found = summary.summary(), ofRate = ({ value, n }: { value: number; n: number }) => [Math.round(value * n), n];
  assert.deepEqual(ofRate(found.sound), [2, 4]);
  assert.deepEqual(ofRate(found.soundOfConnected), [2, 3]);
  assert.deepEqual(ofRate(found.twisted.alkene), [1, 1]);
  assert.deepEqual(ofRate(found.twisted.imine), [0, 1]);
  assert.deepEqual(ofRate(found.twistedAlkenes), [1, 2]);
  assert.deepEqual(ofRate(found.faults.twistedAlkene), [1, 3]);
  assert.deepEqual(ofRate(found.strains.bridged), [1, 3]);
  assert.deepEqual(ofRate(found.bondsAgree), [3, 4]);
  assert.deepEqual(ofRate(found.known!), [1, 3]);
  assert.deepEqual(ofRate(found.newMotif!), [1, 3]);
  assert.deepEqual([ofRate(found.scaffolds), ofRate(found.newScaffold!)], [[1, 2], [0, 2]]);
  assert.deepEqual([found.repaired, found.strain], [undefined, undefined]);
  const { groups, descriptors } = summary.distances({ composition: shares(1), descriptors: found.descriptors })!;
  assert.ok(Math.abs(groups.value - (1 - 1 / 3) / groupNames.length) < 1e-12);
  assert.equal(descriptors.logP.value, 0);
  assert.equal(createJudgeSummary().distances({ composition: shares(1), descriptors: found.descriptors }), null);
});
