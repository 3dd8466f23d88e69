import assert from "node:assert/strict";
import { timesOf } from "../../conditions.ts";
import { heavyAtomSpace } from "../../../model/networks/heavy_atom/space.ts";
import { latentLength } from "../../../model/diffusion/latent.ts";
import { cosineSchedule, timeAtLogSnr } from "../../../model/diffusion/schedules.ts";
import { makeGroups, timeOf } from "../../../model/training/batches.ts";
import { lossWeights } from "../../../model/training/weights.ts";
import { smallExamples } from "./molecules.ts";

const examples = smallExamples(), schedule = cosineSchedule();
const make = (batch: number, seed = 1, update = 0) => makeGroups({ examples, batch, seed, update, schedule });

Deno.test("timeOf() draws a share of the times with an even log-SNR, and the rest evenly", () => {
  const focus = { first: 0, last: 8, share: 0.75 }, count = 4000;
  const times = Array.from({ length: count }, (_, k) => timeOf((k + 0.5) / count, schedule, focus));
  const part = (inside: (t: number) => boolean) => times.filter(inside).length / count;
  const between = (low: number, high: number) => (t: number) => schedule(t).logSnr > low && schedule(t).logSnr <= high;
  // Even times have a quarter of themselves anywhere.
  const even = (low: number, high: number) => timeAtLogSnr(schedule, low) - timeAtLogSnr(schedule, high);
  for (const [low, high] of [[0, 2], [2, 4], [4, 6], [6, 8]]) {
    const expected = 0.75 / 4 + 0.25 * even(low, high);
    assert.ok(Math.abs(part(between(low, high)) - expected) < 0.002, `${low} to ${high}`);
  }
  assert.ok(Math.abs(part(between(-Infinity, 0)) - 0.25 * even(-Infinity, 0)) < 0.002);
  assert.equal(timeOf(0.3, schedule), 0.3);
});

Deno.test("makeGroups() is a function of seed and update alone", () => {
  assert.deepEqual(make(8, 3, 5), make(8, 3, 5));
  assert.notDeepEqual(make(8, 3, 5), make(8, 3, 6));
  assert.notDeepEqual(make(8, 3, 5), make(8, 4, 5));
});

Deno.test("makeGroups() groups by size and draws the asked number", () => {
  const groups = make(64);
  assert.deepEqual(groups.map(({ shape }) => shape.nodes), [4, 3]);
  assert.equal(groups.reduce((sum, { shape }) => sum + shape.batch, 0), 64);
  for (const { shape, z, target, weights } of groups) {
    const length = shape.batch * latentLength(heavyAtomSpace(), shape.nodes);
    assert.deepEqual([z.length, target.length, weights.length], [length, length, 3 * shape.batch]);
  }
});

Deno.test("makeGroups() adds unit noise, centred in the positions and symmetric in the pairs, to clean latents", () => {
  let sum = 0, squares = 0, count = 0;
  for (let update = 0; update < 8; update++) {
    for (const { shape: { batch, nodes }, z, target, alpha, sigma } of make(64, 1, update)) {
      const width = 21, length = latentLength(heavyAtomSpace(), nodes);
      for (let b = 0; b < batch; b++) {
        const noise = (i: number) => (z[b * length + i] - alpha[b] * target[b * length + i]) / sigma[b];
        const means = [0, 1, 2].map((axis) => {
          let mean = 0;
          for (let i = 0; i < nodes; i++) mean += noise(i * width + axis) / nodes;
          return mean;
        });
        // Divided by a small sigma, float32 leaves little.
        assert.ok(means.every((mean) => Math.abs(mean) * sigma[b] < 1e-5));
        const pair = (i: number, j: number, p: number) => noise(nodes * width + (i * nodes + j) * 4 + p);
        assert.ok(Math.abs(pair(0, 1, 2) - pair(1, 0, 2)) * sigma[b] < 1e-6);
        assert.equal(z[b * length + nodes * width], 0);
        if (sigma[b] < 0.1) continue;
        for (let i = 9; i < width; i++) sum += noise(i), squares += noise(i) ** 2, count++;
      }
    }
  }
  assert.ok(Math.abs(sum / count) < 0.05 && Math.abs(squares / count - 1) < 0.05, `${sum / count} ${squares / count}`);
});

Deno.test("makeGroups() with aligned noise draws the same, and lays the noise of positions as the molecule lies", () => {
  const coupled = (update: number) =>
    makeGroups({ examples, batch: 64, seed: 1, update, schedule, coupling: "aligned" });
  for (const update of [0, 1]) {
    const [plain, aligned] = [make(64, 1, update), coupled(update)];
    for (const [g, group] of aligned.entries()) {
      const { shape: { batch, nodes }, target, z, alpha, sigma } = group,
        length = latentLength(heavyAtomSpace(), nodes);
      assert.deepEqual(target, plain[g].target);
      let before = 0, after = 0;
      for (let k = 0; k < batch * length; k++) {
        const b = Math.floor(k / length), inMolecule = k % length;
        if (inMolecule >= nodes * 21 || inMolecule % 21 >= 3) {
          assert.equal(z[k], plain[g].z[k]);
          continue;
        }
        const noise = (from: Float32Array) => (from[k] - alpha[b] * target[k]) / sigma[b];
        before += (noise(plain[g].z) - target[k]) ** 2, after += (noise(z) - target[k]) ** 2;
      }
      assert.ok(after < 0.6 * before, `${before} to ${after}`);
    }
  }
});

Deno.test("makeGroups() with a dropout of u leaves noise alone of it in a share of the molecules, whose u does not count", () => {
  const dropping = (update: number, uDropoutFrom?: number) =>
    makeGroups({ examples, batch: 64, seed: 1, update, schedule, uDropout: 0.25, uDropoutFrom });
  let dropped = 0;
  for (const update of [0, 1, 2, 3]) {
    const [plain, groups] = [make(64, 1, update), dropping(update)];
    for (const [g, { shape: { batch, nodes }, z, target, alpha, sigma, lastVector }] of groups.entries()) {
      const length = latentLength(heavyAtomSpace(), nodes);
      assert.equal(plain[g].lastVector, undefined);
      assert.deepEqual(target, plain[g].target, "what is drawn otherwise stays");
      for (let b = 0; b < batch; b++) {
        assert.ok([0, 1].includes(lastVector![b]));
        if (lastVector![b] === 0) dropped++;
        for (let i = 0; i < length; i++) {
          const at = b * length + i, isU = i < nodes * 21 && i % 21 >= 6 && i % 21 < 9;
          if (lastVector![b] === 1 || !isU) {
            assert.equal(z[at], plain[g].z[at]);
            continue;
          }
          const noise = (plain[g].z[at] - alpha[b] * target[at]) / sigma[b];
          assert.ok(Math.abs(z[at] - noise) < 1e-4 / sigma[b] ** 2 && Math.abs(z[at]) < 6, `${z[at]}, noise ${noise}`);
        }
      }
    }
  }
  assert.ok(dropped > 40 && dropped < 90, `${dropped} of 256`);
  // From a log-SNR on: the same molecules, but for those of noisier times.
  let kept = 0;
  for (const [g, { alpha, sigma, lastVector }] of dropping(0, 1.5).entries()) {
    for (const [b, weight] of dropping(0)[g].lastVector!.entries()) {
      const clean = Math.log((alpha[b] / sigma[b]) ** 2) >= 1.5;
      assert.equal(lastVector![b], clean ? weight : 1);
      if (weight === 0 && !clean) kept++;
    }
  }
  assert.ok(kept > 0);
});

Deno.test("makeGroups() gives a share of the molecules their graph, clean and told, turns their noise only, and counts their vectors alone", () => {
  const nodesOf = (nodes: number) => nodes * 21;
  let given = 0;
  for (const update of [0, 1, 2, 3]) {
    const asked = { examples, batch: 64, seed: 1, update, schedule, graphGiven: 0.3 };
    const [free, aligned] = (["independent", "aligned"] as const).map((coupling) => makeGroups({ ...asked, coupling }));
    for (const [g, { shape: { batch, nodes }, z, target, conditions, alpha, sigma, weights }] of aligned.entries()) {
      const length = latentLength(heavyAtomSpace(), nodes);
      assert.deepEqual(target, free[g].target);
      for (let b = 0; b < batch; b++) {
        const expected = lossWeights(schedule(conditions[b].time).sigma), from = b * length;
        const told = conditions[b].graph === true;
        assert.deepEqual(
          weights.subarray(3 * b, 3 * b + 3),
          Float32Array.from(told ? [expected[0], 0, 0] : expected),
        );
        if (told) given++;
        /** Inner products of the noise of positions between nodes: a turn leaves them. */
        const products = (of: Float32Array) => {
          const e = Array.from({ length: nodes }, (_, i) =>
            [0, 1, 2].map((a) => {
              const k = from + 21 * i + a;
              return (of[k] - alpha[b] * target[k]) / sigma[b];
            }));
          return e.flatMap((u) => e.map((v) => u[0] * v[0] + u[1] * v[1] + u[2] * v[2]));
        };
        const before = products(free[g].z),
          turned = products(z).every((value, k) => Math.abs(value - before[k]) < 0.02);
        if (told) assert.ok(turned || sigma[b] < 0.02, "noise is turned, and stays with its node");
        for (let i = 0; i < length; i++) {
          const graph = i >= nodesOf(nodes) || i % 21 >= 9;
          if (told && graph) assert.equal(z[from + i], target[from + i]);
          else if (graph) assert.equal(z[from + i], free[g].z[from + i]);
        }
      }
    }
  }
  assert.ok(given > 50 && given < 105, `${given} of 256`);
});

Deno.test("makeGroups() with perturb adds noise of that spread to the vectors of the input, and changes nothing else", () => {
  const [plain, groups] = [make(64), makeGroups({ examples, batch: 64, seed: 1, update: 0, schedule, perturb: 0.3 })];
  let free = 0, squares = 0;
  for (const [g, { shape: { batch, nodes }, z, sigma, ...others }] of groups.entries()) {
    free += batch * (9 * nodes - 3); // positions have no centre of mass
    const { z: before, shape: _, sigma: __, ...same } = plain[g], length = latentLength(heavyAtomSpace(), nodes);
    assert.deepEqual(others, same);
    for (let k = 0; k < batch * length; k++) {
      const b = Math.floor(k / length), i = k % length;
      if (i >= nodes * 21 || i % 21 >= 9) {
        assert.equal(z[k], before[k]);
        continue;
      }
      squares += ((z[k] - before[k]) / sigma[b]) ** 2;
    }
  }
  const spread = Math.sqrt(squares / free);
  assert.ok(Math.abs(spread - 0.3) < 0.015, `${spread}`);
});

Deno.test("makeGroups() writes molecules in the form asked for: five orders, and the hydrogen that the rule names", () => {
  const form = { aromatic: true, hydrogen: "canonical" } as const, space = heavyAtomSpace(undefined, form);
  const [plain, groups] = [make(64), makeGroups({ examples, batch: 64, seed: 1, update: 0, schedule, ...form })];
  assert.deepEqual(groups.map(({ shape }) => shape), plain.map(({ shape }) => shape));
  for (const { shape: { batch, nodes }, z, target } of groups) {
    const length = latentLength(space, nodes);
    assert.deepEqual([z.length, target.length], [batch * length, batch * length]);
    // No molecule of these is aromatic: the fifth order is nobody's.
    for (let k = 0; k < batch * length; k++) {
      const at = k % length - nodes * 21;
      if (at >= 0 && at % 5 === 4) assert.equal(target[k], 0);
    }
    if (nodes !== 3) continue;
    // Ethanol's methyl group: s, which leads away from CH2, and u, opposite to the oxygen, are the same but for rotations.
    for (let b = 0; b < batch; b++) {
      const vector = (i: number, v: number) =>
        target.subarray(b * length + i * 21 + 3 * v, b * length + i * 21 + 3 * v + 3);
      const [methyl, oxygen] = [vector(0, 0), vector(2, 0)], u = vector(0, 2);
      const toOxygen = [0, 1, 2].map((axis) => oxygen[axis] - methyl[axis]);
      const cosine = u.reduce((sum, value, axis) => sum + value * toOxygen[axis], 0) / Math.hypot(...toOxygen);
      assert.ok(cosine < -0.75, `${cosine}`);
    }
  }
});

Deno.test("makeGroups() spreads the times evenly over (0, 1)", () => {
  const times = make(32).flatMap(({ conditions }) => timesOf(conditions)).sort((a, b) => a - b);
  times.forEach((t, k) => assert.ok(t >= k / 32 && t <= (k + 1) / 32 && t > 0));
});

Deno.test("makeGroups() throws RangeError when the batch is no positive integer", () => {
  assert.throws(() => make(0), /batch must be a positive integer; got 0/);
  assert.throws(() => make(1.5), RangeError);
});

Deno.test("lossWeights() caps 1 / sigma^2 for positions, and at 4 for classes and bonds", () => {
  const close = (a: readonly number[], b: number[]) =>
    a.forEach((value, k) => assert.ok(Math.abs(value - b[k]) < 1e-9));
  close(lossWeights(1), [1, 0.5, 0.5]);
  close(lossWeights(0.1), [100, 2, 2]);
  close(lossWeights(0.001), [2500, 2, 2]);
  close(lossWeights(0), [2500, 2, 2]);
});
