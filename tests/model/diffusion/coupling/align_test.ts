import assert from "node:assert/strict";
import { alignNoise, realign, realigner } from "../../../../model/diffusion/coupling/align.ts";
import { assign } from "../../../../model/diffusion/coupling/assignment.ts";
import { nearestOrthogonal } from "../../../../model/diffusion/coupling/turn.ts";
import { openMember } from "../../../../model/engines/c/member.ts";
import { type Here } from "../../../../model/engines/c/here.ts";
import { createNativeEngine } from "../../../../model/engines/c/native_engine.ts";
import { flatten } from "../../../../model/engines/c/parameters.ts";
import { compileWasmEngine } from "../../../../model/engines/c/wasm_module.ts";
import { heavyAtomSpace } from "../../../../model/networks/heavy_atom/space.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import { initialise } from "../../../../model/networks/pair_attention/initialise.ts";
import { pairAttentionParameters } from "../../../../model/networks/pair_attention/parameters.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { orthogonal, permutation, permuteLatents, turnLatents } from "../../../properties.ts";
import { hasCompiler } from "../../engines/c/compiler.ts";

const space = heavyAtomSpace(), width = 21;
const plain = { vectors: 1, scalars: 0, pairs: 0 };

const draw = (batch: number, nodes: number, seed: number, of = space) =>
  drawNoise(of, { batch, nodes }, Array(batch).fill(random(seed, nodes, 99)));

/** Positions of molecule b, `[N][3]`. */
const positions = (z: Float32Array, nodes: number, b = 0) => {
  const at = b * latentLength(space, nodes);
  return Array.from({ length: nodes }, (_, i) => [0, 1, 2].map((a) => z[at + i * width + a]));
};

/** |x - e|^2 of each molecule's positions. */
const distances = (x: Float32Array, e: Float32Array, batch: number, nodes: number) =>
  Array.from({ length: batch }, (_, b) => {
    const [one, other] = [positions(x, nodes, b), positions(e, nodes, b)];
    return one.flat().reduce((sum, value, k) => sum + (value - other.flat()[k]) ** 2, 0);
  });

const near = (a: ArrayLike<number>, b: ArrayLike<number>, within: number, label = "") => {
  assert.equal(a.length, b.length);
  for (let k = 0; k < a.length; k++) assert.ok(Math.abs(a[k] - b[k]) <= within, `${label} ${k}: ${a[k]} and ${b[k]}`);
};

function* orders(n: number, chosen: number[] = []): Generator<number[]> {
  if (chosen.length === n) yield chosen;
  for (let k = 0; k < n; k++) if (!chosen.includes(k)) yield* orders(n, [...chosen, k]);
}

Deno.test("assign() finds the least total cost of all orders, with ties and negative costs", () => {
  const stream = random(1);
  for (let trial = 0; trial < 60; trial++) {
    const n = 1 + trial % 6, ties = trial % 3 === 0;
    const cost = Float64Array.from(
      { length: n * n },
      () => ties ? stream.integer(3) - 1 : stream.normal(),
    );
    const columns = new Int32Array(n);
    assign(cost, n, columns);
    const total = (order: ArrayLike<number>) => Array.from(order).reduce((sum, j, i) => sum + cost[i * n + j], 0);
    assert.deepEqual([...columns].sort((a, b) => a - b), Array.from({ length: n }, (_, k) => k));
    const least = Math.min(...[...orders(n)].map(total));
    assert.ok(Math.abs(total(columns) - least) < 1e-9, `${total(columns)} for ${least}`);
  }
});

const product = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(
    { length: 9 },
    (_, k) => [0, 1, 2].reduce((sum, m) => sum + a[3 * Math.floor(k / 3) + m] * b[3 * m + k % 3], 0),
  );
const transposed = (a: ArrayLike<number>) => Array.from({ length: 9 }, (_, k) => a[3 * (k % 3) + Math.floor(k / 3)]);
const trace = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, k) => sum + v * b[k], 0);
const determinant = (m: ArrayLike<number>) =>
  m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
const turned = (h: number[]) => {
  const out = new Float64Array(9);
  nearestOrthogonal(Float64Array.from(h), out);
  return [...out];
};

Deno.test("nearestOrthogonal() gives the orthogonal matrix of largest trace, rotation or reflection", () => {
  const stream = random(2);
  for (let trial = 0; trial < 50; trial++) {
    const h = Array.from({ length: 9 }, () => stream.normal()), R = turned(h);
    near(product(R, transposed(R)), [1, 0, 0, 0, 1, 0, 0, 0, 1], 1e-12);
    assert.ok(determinant(R) * determinant(h) > 0);
    for (let other = 0; other < 40; other++) {
      assert.ok(trace(orthogonal(50 * trial + other, other % 2 === 0), h) <= trace(R, h) + 1e-9);
    }
  }
});

Deno.test("nearestOrthogonal() gives the very bits that it gave", () => {
  const out = new Float64Array(9);
  nearestOrthogonal(Float64Array.from(out, (_, k) => (k * 7 % 11 - 4) / 8), out);
  // deno-fmt-ignore
  assert.deepEqual([...out], [
    -0.5650362166293059, 0.7461441048472859, -0.3521406660680976,
    0.7368030637737488, 0.648389584857288, 0.19160425742193676,
    0.3712887274222819, -0.15119497693454437, -0.9161248603978096,
  ]);
});

Deno.test("nearestOrthogonal() turns along with both sets, and is a rotation where they leave it open", () => {
  const outer = (a: number[], b: number[]) => a.flatMap((x) => b.map((y) => x * y));
  const sum = (...all: number[][]) => all[0].map((_, k) => all.reduce((total, one) => total + one[k], 0));
  const a = [1, 2, -1], b = [0.5, -1, 2], c = [2, 0, 1], d = [-1, 1, 0.3];
  const Q = orthogonal(5), back = transposed(Q);
  for (const [name, h] of [["planar", sum(outer(a, b), outer(c, d))], ["collinear", outer(a, b)]] as const) {
    const R = turned(h);
    near(product(R, transposed(R)), [1, 0, 0, 0, 1, 0, 0, 0, 1], 1e-9, name);
    assert.ok(Math.abs(determinant(R) - 1) < 1e-9, name);
    near(turned(product(product(Q, h), back)), product(product(Q, R), back), 1e-6, name);
  }
  near(turned(Array(9).fill(0)), [1, 0, 0, 0, 1, 0, 0, 0, 1], 0);
  // Opposite directions: half a turn about an axis across.
  const half = turned(outer([0, 0, 1], [0, 0, -1]));
  near([half[2], half[5], half[8]], [0, 0, -1], 1e-12);
  assert.ok(Math.abs(determinant(half) - 1) < 1e-12);
});

Deno.test("alignNoise() permutes and turns each molecule's positions so that they lie closer, and changes nothing else", () => {
  for (const [nodes, share] of [[3, 0.4], [9, 0.4], [20, 0.35]]) {
    const batch = 60, shape = { batch, nodes }, x = draw(batch, nodes, 3).map((value) => 0.7 * value);
    const noise = draw(batch, nodes, 4), aligned = alignNoise(noise.slice(), x, space, shape);
    const before = distances(x, noise, batch, nodes), after = distances(x, aligned, batch, nodes);
    after.forEach((value, b) => assert.ok(value <= before[b] + 1e-4, `molecule ${b}: ${before[b]} to ${value}`));
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    assert.ok(mean(after) < share * mean(before), `${mean(before)} to ${mean(after)}`);
    const length = latentLength(space, nodes);
    aligned.forEach((value, k) => {
      const inMolecule = k % length, position = inMolecule < nodes * width && inMolecule % width < 3;
      if (!position) assert.equal(value, noise[k]);
    });
    // A turn and an order of the same points: the same distances among them.
    const among = (z: Float32Array, b: number) =>
      positions(z, nodes, b).flatMap((p, i, all) =>
        all.slice(0, i).map((q) => Math.hypot(...p.map((v, a) => v - q[a])))
      )
        .sort((a, b) => a - b);
    for (let b = 0; b < 5; b++) near(among(aligned, b), among(noise, b), 1e-5);
  }
});

Deno.test("alignNoise() turns and permutes along with noise and molecule", () => {
  const batch = 8, nodes = 7, shape = { batch, nodes }, x = draw(batch, nodes, 5), noise = draw(batch, nodes, 6);
  const Q = orthogonal(9, true), order = permutation(nodes), aligned = alignNoise(noise.slice(), x, space, shape);
  const moved = (z: Float32Array) => permuteLatents(turnLatents(z, space, shape, Q), space, shape, order);
  const own = (z: Float32Array) => Array.from({ length: batch }, (_, b) => positions(z, nodes, b)).flat(2);
  near(own(alignNoise(moved(noise), moved(x), space, shape)), own(moved(aligned)), 1e-5);
  // An order of the noise's own does not count: only where its points are.
  const shuffled = permuteLatents(noise, space, shape, order);
  near(own(alignNoise(shuffled, x, space, shape)), own(aligned), 1e-5);
});

Deno.test("alignNoise() leaves noise standard normal over all orientations and orders of a molecule, and of no single one", () => {
  const nodes = 4, batch = 20_000, shape = { batch, nodes }, stream = random(7);
  const molecule = drawNoise(plain, { batch: 1, nodes }, [random(8)]);
  const x = new Float32Array(batch * 12);
  for (let b = 0; b < batch; b++) {
    const order = [0, 1, 2, 3].map((k) => [k, stream.uniform()]).sort((p, q) => p[1] - q[1]).map(([k]) => k);
    const one = permuteLatents(molecule, plain, { batch: 1, nodes }, order);
    x.set(turnLatents(one, plain, { batch: 1, nodes }, orthogonal(b, stream.uniform() < 0.5)), 12 * b);
  }
  const covariances = (e: Float32Array) => {
    const sums = new Float64Array(144), means = new Float64Array(12);
    let fourth = 0;
    for (let b = 0; b < batch; b++) {
      for (let i = 0; i < 12; i++) {
        means[i] += e[12 * b + i] / batch, fourth += e[12 * b + i] ** 4 / (12 * batch);
        for (let j = 0; j < 12; j++) sums[12 * i + j] += e[12 * b + i] * e[12 * b + j] / batch;
      }
    }
    return { sums, means, fourth };
  };
  // Centred standard noise: variance 1 - 1/n, covariance of two nodes -1/n, of two axes 0; fourth moment 3 (1 - 1/n)^2.
  const expected = Array.from({ length: 144 }, (_, k) => {
    const i = Math.floor(k / 12), j = k % 12;
    return i % 3 !== j % 3 ? 0 : i === j ? 0.75 : -0.25;
  });
  const found = covariances(alignNoise(draw(batch, nodes, 9, plain), x, plain, shape));
  near(found.means, Array(12).fill(0), 0.03, "mean");
  near(found.sums, expected, 0.035, "covariance");
  assert.ok(Math.abs(found.fourth - 3 * 0.75 ** 2) < 0.04, `fourth moment ${found.fourth}`);
  const fixed = x.map((_, k) => molecule[k % 12]);
  const one = covariances(alignNoise(draw(batch, nodes, 9, plain), fixed, plain, shape));
  assert.ok(Math.max(...one.means.map(Math.abs)) > 0.3, "the noise of one molecule lies as it lies");
});

Deno.test("alignNoise() does not fail on one or two nodes, points on a line or in a plane, or all in one place", () => {
  for (const nodes of [1, 2, 3, 6]) {
    for (const axes of [0, 1, 2]) {
      const shape = { batch: 5, nodes };
      const x = draw(5, nodes, 10).map((value, k) =>
        k % latentLength(space, nodes) < nodes * width && k % latentLength(space, nodes) % width >= axes ? 0 : value
      );
      const noise = draw(5, nodes, 11), aligned = alignNoise(noise.slice(), x, space, shape);
      assert.ok(aligned.every(Number.isFinite), `${nodes} nodes, ${axes} axes`);
      const [before, after] = [noise, aligned].map((z) => positions(z, nodes).flat().reduce((s, v) => s + v * v, 0));
      assert.ok(Math.abs(before - after) < 1e-4 * (1 + before), `${nodes} nodes, ${axes} axes`);
    }
  }
});

Deno.test("alignNoise() ends, and leaves the others alone, where a molecule's numbers are none", () => {
  for (const broken of [NaN, Infinity]) {
    const shape = { batch: 2, nodes: 4 }, x = draw(2, 4, 20), noise = draw(2, 4, 21), z = noise.slice();
    const sound = alignNoise(noise.slice(), x, space, shape), length = latentLength(space, 4);
    x[0] = broken;
    alignNoise(z, x, space, shape);
    near(z.subarray(length), sound.subarray(length), 0);
  }
  const columns = Int32Array.of(0, 1, 2);
  assign(new Float64Array(9).fill(NaN), 3, columns);
  assert.deepEqual([...columns], [0, 1, 2]);
});

Deno.test("realign() aligns what is not alpha x0", () => {
  const shape = { batch: 4, nodes: 9 }, x = draw(4, 9, 12), noise = draw(4, 9, 13), alpha = 0.7, sigma = 0.3;
  const z = noise.map((value, k) => alpha * x[k] + sigma * value);
  realign(z, x, space, shape, alpha);
  const aligned = alignNoise(noise.slice(), x, space, shape);
  near(z, aligned.map((value, k) => alpha * x[k] + sigma * value), 2e-6);
});

Deno.test("realigner() pauses every few molecules and gives what it gives without", async () => {
  const shape = { batch: 200, nodes: 9 }, x = draw(200, 9, 14), z = draw(200, 9, 15), paused = z.slice();
  let pauses = 0;
  await realigner("aligned", space, shape)!(z, x, 0.4);
  await realigner("aligned", space, shape, () => Promise.resolve(void pauses++))!(paused, x, 0.4);
  assert.deepEqual(paused, z);
  assert.ok(pauses >= 2 && pauses < 200, `${pauses} pauses`);
  assert.equal(realigner("independent", space, shape), undefined);
});

/** Mean of <x, e> over the molecules: how far noise lies along x. */
const along = (x: Float32Array, e: Float32Array, batch: number) =>
  x.reduce((sum, value, k) => sum + value * e[k], 0) / batch;

Deno.test("noise that is kept in part, with fresh noise added, is distributed as aligned noise again once it is realigned", () => {
  const nodes = 6, batch = 6000, shape = { batch, nodes }, x = draw(batch, nodes, 14, plain);
  const aligned = alignNoise(draw(batch, nodes, 15, plain), x, plain, shape), fresh = draw(batch, nodes, 16, plain);
  for (const share of [0.3, 0.7]) {
    const mixed = aligned.map((value, k) => Math.sqrt(1 - share ** 2) * value + share * fresh[k]);
    const found = along(x, alignNoise(mixed.slice(), x, plain, shape), batch), asked = along(x, aligned, batch);
    assert.ok(Math.abs(found - asked) < 0.02 * asked, `${found} for ${asked}`);
    assert.ok(along(x, mixed, batch) < 0.97 * asked, "without it, it lies less along x");
  }
});

const sizes = { width: 16, blocks: 1 };

async function agrees(here: Here) {
  for (const nodes of [1, 2, 3, 9, 20]) {
    const shape = { batch: 30, nodes }, x = draw(30, nodes, 17).map((value) => 0.7 * value), alpha = Math.fround(0.8);
    const z = draw(30, nodes, 18), [own, engine] = [z.slice(), z.slice()];
    realign(own, x, space, shape, alpha);
    here.realign(engine, x, shape, alpha);
    near(engine, own, 1e-6, `${nodes} nodes`);
  }
  await Promise.resolve();
}

Deno.test("the WebAssembly engine aligns as alignNoise() does", async () => {
  const parameters = flatten(pairAttentionParameters(space, sizes), initialise(space, sizes, 1));
  await agrees(await openMember({ type: "wasm", module: await compileWasmEngine(), space, sizes, parameters }));
});

Deno.test({
  name: "the native engine aligns as alignNoise() does",
  ignore: !hasCompiler,
  async fn() {
    const engine = createNativeEngine({ space, sizes, threads: 1 });
    try {
      await agrees(await openMember(engine.member(0)));
    } finally {
      engine.dispose();
    }
  },
});
