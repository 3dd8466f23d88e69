import assert from "node:assert/strict";
import { type GraphCodec, learnCodec, sumZeroBasis } from "../../bench/graph_codec.ts";
import { eachRow, linearEstimate, linearLoss, linearUpdate, type Part } from "../../bench/linear_heads.ts";
import { latentLength } from "../../model/diffusion/latent.ts";
import type { Group } from "../../model/diffusion/learner.ts";
import { random } from "../../model/diffusion/random.ts";
import { openLearner } from "../../model/engines/open_learner.ts";
import { openBackend } from "../../model/engines/tensorflow/open.ts";
import { argmaxGraph } from "../../model/networks/heavy_atom/graph.ts";
import { heavyAtomSpace, ONE_HOT } from "../../model/networks/heavy_atom/space.ts";
import { makeGroups } from "../../model/training/batches.ts";
import { runSchedule } from "../../model/training/settings.ts";
import { smallExamples } from "../model/training/molecules.ts";

const space = heavyAtomSpace(), schedule = runSchedule(), { vectors: V, scalars: K, pairs: P } = space;

/** Ethanol and cyanoacetylene: groups of four and of three nodes. */
const groupsOf = (update: number, batch = 4): Group[] =>
  makeGroups({ examples: smallExamples(), batch, seed: 1, update, schedule });

/** Summed variance of a part's rows, and the largest sum over the numbers of a row and mean over rows. */
function measure(list: readonly { z: Float32Array; shape: Group["shape"] }[], which: Part) {
  const mean = new Float64Array(space[which]);
  let count = 0, squares = 0, sum = 0;
  for (const { z, shape } of list) {
    eachRow(space, shape, (at, n, _, part) => {
      if (part !== which) return;
      const row = z.subarray(at, at + n);
      count++;
      row.forEach((value, k) => (mean[k] += value, squares += value * value));
      sum = Math.max(sum, Math.abs(row.reduce((all, value) => all + value, 0)));
    });
  }
  const means = [...mean].map((value) => value / count);
  return {
    variance: squares / count - means.reduce((all, value) => all + value * value, 0),
    mean: Math.max(...means.map(Math.abs)),
    sum,
  };
}

Deno.test("sumZeroBasis() is orthonormal, and each of its vectors has the sum 0", () => {
  for (const n of [2, 4, 12]) {
    const basis = sumZeroBasis(n), row = (k: number) => basis.subarray(k * n, (k + 1) * n);
    for (let a = 0; a < n - 1; a++) {
      assert.ok(Math.abs(row(a).reduce((sum, value) => sum + value, 0)) < 1e-6);
      for (let b = 0; b < n - 1; b++) {
        const dot = row(a).reduce((sum, value, k) => sum + value * row(b)[k], 0);
        assert.ok(Math.abs(dot - (a === b ? 1 : 0)) < 1e-6);
      }
    }
  }
});

Deno.test("learnCodec() reads its training graphs back, by latents of the sum 0 that lie as far apart as one-hot ones and move with the nodes", async () => {
  const { tf } = await openBackend("cpu");
  const codec: GraphCodec = await learnCodec(tf, { space, kl: 0.01, updates: 50, seed: 1, groups: groupsOf });
  const groups = groupsOf(0), learned: { z: Float32Array; shape: Group["shape"] }[] = [];
  for (const { target, shape } of groups) {
    const z = await codec.encode(target, shape), read = await codec.decode(z, shape), each = z.length / shape.batch;
    learned.push({ z, shape });
    for (let at = 0; at < z.length; at += each) {
      const [got, want] = [read, target].map((latents) => argmaxGraph(latents, shape.nodes, { length: K }, at));
      assert.deepEqual(got, want);
      assert.deepEqual(z.subarray(at, at + 3 * V), target.subarray(at, at + 3 * V), "vectors stay");
    }
    // The first two nodes of the first molecule change places.
    const N = shape.nodes,
      width = 3 * V + K,
      swap = (x: Float32Array) => {
        const order = [1, 0, ...Array.from({ length: N - 2 }, (_, k) => k + 2)], out = x.slice(0, each);
        order.forEach((from, to) => {
          out.set(x.subarray(from * width, (from + 1) * width), to * width);
          order.forEach((other, also) => {
            const pair = N * width + (from * N + other) * P;
            out.set(x.subarray(pair, pair + P), N * width + (to * N + also) * P);
          });
        });
        return out;
      };
    const swapped = await codec.encode(swap(target), { batch: 1, nodes: N }), want = swap(z);
    assert.ok(Math.max(...swapped.map((value, k) => Math.abs(value - want[k]))) < 1e-4);
  }
  const shown = Array.from({ length: 32 }, (_, update) => groupsOf(update)).flat();
  const own = [];
  for (const { target, shape } of shown) own.push({ z: await codec.encode(target, shape), shape });
  for (const part of ["scalars", "pairs"] as const) {
    const got = measure(own, part), want = measure(shown.map(({ target: z, shape }) => ({ z, shape })), part);
    assert.ok(Math.abs(got.variance / want.variance - 1) < 1e-3, `${part}: ${got.variance}, not ${want.variance}`);
    assert.ok(got.mean < 1e-3 && got.sum < 1e-4);
  }
});

/** What a network with these logits says: vectors as they are, softmaxes times one half. */
function say(logits: Float32Array, shape: Group["shape"]): Float32Array {
  const said = logits.slice();
  eachRow(space, shape, (at, n) => {
    const shares = logits.subarray(at, at + n).map(Math.exp), sum = shares.reduce((a, b) => a + b, 0);
    said.set(shares.map((share) => ONE_HOT * share / sum), at);
  });
  return said;
}

Deno.test("linearLoss() has the gradient that finite differences have, through the softmaxes of a network", () => {
  const [group] = groupsOf(3), { shape } = group, stream = random(5), each = latentLength(space, shape.nodes);
  const logits = new Float32Array(shape.batch * each);
  stream.fillNormal(logits, 0, logits.length);
  const lossOf = (at: Float32Array) =>
    Object.values(linearLoss(say(at, shape), group, space).losses).reduce(
      (sum, part) => sum + part.reduce((a, b) => a + b, 0),
      0,
    );
  const said = say(logits, shape), { gradient } = linearLoss(said, group, space), wanted = gradient.slice();
  eachRow(space, shape, (at, n) => {
    let mean = 0;
    for (let k = at; k < at + n; k++) mean += said[k] / ONE_HOT * gradient[k];
    for (let k = at; k < at + n; k++) wanted[k] = said[k] * (gradient[k] - mean);
  });
  const places = [0, 4, 8]; // of each of a node's vectors
  eachRow(space, shape, (at, n, b) => void (b === 0 && places.push(at, at + n - 1)));
  for (const at of places) {
    const moved = [0.01, -0.01].map((by) => lossOf(logits.map((value, k) => k === at ? value + by : value)));
    const slope = (moved[0] - moved[1]) / 0.02;
    assert.ok(
      Math.abs(slope - wanted[at]) < 2e-2 * Math.max(1, Math.abs(slope)),
      `at ${at}: ${wanted[at]}, not ${slope}`,
    );
  }
  const sums: number[] = [], x0 = linearEstimate(said, group, space);
  eachRow(space, shape, (at, n) => sums.push(Math.abs(x0.subarray(at, at + n).reduce((a, b) => a + b, 0))));
  assert.ok(Math.max(...sums) < 1e-5);
});

Deno.test("linearUpdate() lowers the loss of a network with softmaxes", async () => {
  const { learner } = await openLearner("cpu", { space, sizes: { width: 16, blocks: 1 }, seed: 1 });
  try {
    const groups = groupsOf(0), rates = { muon: 0.02, adamw: 0.01, clip: 10, emaDecay: 0 }, losses: number[] = [];
    for (let update = 0; update < 10; update++) losses.push(await linearUpdate(learner, groups, space, rates));
    assert.ok(losses.at(-1)! < 0.8 * losses[0], `${losses[0]} to ${losses.at(-1)}`);
  } finally {
    learner.dispose();
  }
});
