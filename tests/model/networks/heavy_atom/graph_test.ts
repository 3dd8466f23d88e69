import assert from "node:assert/strict";
import { DRUGLIKE, valencesOf } from "../../../../chem/chemistry.ts";
import {
  argmaxGraph,
  type Graph,
  MOST_CHANGES,
  needsSearch,
  netCharge,
  valenceGraph,
} from "../../../../model/networks/heavy_atom/graph.ts";
import { bondSumsOf, chargesOf } from "../../../../model/networks/heavy_atom/space.ts";
import type { HeavyAtomClass } from "../../../../model/diffusion/types.ts";
import { random } from "../../../../model/diffusion/random.ts";

const CLASSES: readonly HeavyAtomClass[] = [[6, 2], [6, 3], [8, 0], [8, 1]];
const SUMS = bondSumsOf(CLASSES);
const K = CLASSES.length, WIDTH = 9 + K;

/** A latent whose classes and orders have random probabilities; `sharp` makes them surer. */
function latent(nodes: number, seed: number, sharp = 2): Float32Array {
  const z = new Float32Array(nodes * WIDTH + nodes * nodes * 4), draw = random(seed);
  const probabilities = (count: number) => {
    const values = Array.from({ length: count }, () => Math.exp(sharp * draw.normal()));
    return values.map((value) => 0.5 * value / values.reduce((a, b) => a + b));
  };
  for (let i = 0; i < nodes; i++) {
    z.set(probabilities(K), i * WIDTH + 9);
    for (let j = 0; j < i; j++) {
      const orders = probabilities(4), at = (a: number, b: number) => nodes * WIDTH + (a * nodes + b) * 4;
      z.set(orders, at(i, j));
      z.set(orders, at(j, i));
    }
  }
  return z;
}

function obeysValence({ kinds, orders }: Graph): boolean {
  const nodes = kinds.length;
  return Array.from(kinds).every((kind, i) => {
    const [element, hydrogens] = CLASSES[kind];
    return orders.subarray(i * nodes, (i + 1) * nodes).reduce((a, b) => a + b, hydrogens) ===
      valencesOf(element)[0];
  });
}

function logProbability(z: Float32Array, { kinds, orders }: Graph): number {
  const nodes = kinds.length;
  let sum = 0;
  for (let i = 0; i < nodes; i++) {
    sum += Math.log(z[i * WIDTH + 9 + kinds[i]]);
    for (let j = 0; j < i; j++) sum += Math.log(z[nodes * WIDTH + (i * nodes + j) * 4 + orders[i * nodes + j]]);
  }
  return sum;
}

/** The best of all graphs of three atoms that obey valence, by trying them all. */
function bruteForce(z: Float32Array, sound = obeysValence): number {
  let best = -Infinity;
  const pairs = [[1, 0], [2, 0], [2, 1]];
  for (let code = 0; code < K ** 3 * 4 ** 3; code++) {
    const kinds = new Uint8Array(3), orders = new Uint8Array(9);
    let rest = code;
    for (let i = 0; i < 3; i++) kinds[i] = rest % K, rest = Math.floor(rest / K);
    for (const [i, j] of pairs) orders[3 * i + j] = orders[3 * j + i] = rest % 4, rest = Math.floor(rest / 4);
    const graph = { kinds, orders };
    if (sound(graph)) best = Math.max(best, logProbability(z, graph));
  }
  return best;
}

Deno.test("valenceGraph() finds the likeliest of all graphs that obey valence", () => {
  let repaired = 0;
  for (let seed = 0; seed < 40; seed++) {
    const z = latent(3, seed), graph = valenceGraph(z, 3, SUMS, 0);
    assert.ok(graph && obeysValence(graph), `seed ${seed}`);
    assert.ok(Math.abs(logProbability(z, graph) - bruteForce(z)) < 1e-4, `seed ${seed}`);
    const broken = !obeysValence(argmaxGraph(z, 3, CLASSES));
    assert.deepEqual([graph.searched, needsSearch(z, 3, SUMS)], [broken || undefined, broken]);
    if (broken) repaired++;
  }
  assert.ok(repaired > 20, "most of these random latents break a valence one by one");
});

/** Carbon, sulfur of two, four or six bonds, and charged nitrogen and oxygen: four classes, as the latents above have. */
const CHARGED = bondSumsOf([[6, 2], [16, 0], [7, 2, 1], [8, 0, -1]], DRUGLIKE);

/** Whether three atoms have the bonds that they may have. */
const soundBy = (sums: readonly (readonly number[])[]) => ({ kinds, orders }: Graph) =>
  Array.from(kinds).every((kind, i) => sums[kind].includes(orders.subarray(3 * i, 3 * i + 3).reduce((a, b) => a + b)));

Deno.test("valenceGraph() counts charges, and takes any valence of an element that has several", () => {
  assert.deepEqual(CHARGED, [[2], [2, 4, 6], [2], [1]]);
  const sound = soundBy(CHARGED);
  const sums = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const z = latent(3, seed), graph = valenceGraph(z, 3, CHARGED, 0);
    assert.ok(graph && sound(graph), `seed ${seed}`);
    assert.ok(Math.abs(logProbability(z, graph) - bruteForce(z, sound)) < 1e-4, `seed ${seed}`);
    graph.kinds.forEach((kind, i) => {
      if (kind === 1) sums.add(graph.orders.subarray(3 * i, 3 * i + 3).reduce((a, b) => a + b));
    });
  }
  assert.ok(sums.size > 1, `sulfur has ${[...sums]} bonds`);
});

Deno.test("valenceGraph() of charges that are to add up to nothing finds the likeliest of all neutral graphs that obey valence", () => {
  // CH3-NH2+-O- is one of them.
  const classes: readonly HeavyAtomClass[] = [[6, 2], [6, 3], [7, 2, 1], [8, 0, -1]],
    sums = bondSumsOf(classes, DRUGLIKE),
    sound = soundBy(sums);
  const charges = chargesOf(classes, { neutral: true })!, net = (graph: Graph) => netCharge(graph, charges);
  assert.deepEqual([charges, chargesOf(classes)], [[0, 0, 1, -1], undefined]);
  let charged = 0, zwitterions = 0;
  for (let seed = 0; seed < 80; seed++) {
    const z = latent(3, seed), graph = valenceGraph(z, 3, sums, 0, { charges });
    assert.ok(graph && sound(graph) && net(graph) === 0, `seed ${seed}`);
    const best = bruteForce(z, (one) => sound(one) && net(one) === 0);
    assert.ok(Math.abs(logProbability(z, graph) - best) < 1e-4, `seed ${seed}`);
    assert.equal(needsSearch(z, 3, sums, 0, 4, charges), graph.searched === true, `seed ${seed}`);
    if (net(valenceGraph(z, 3, sums)!) !== 0) charged++;
    if (graph.kinds.some((kind) => charges[kind] !== 0)) zwitterions++;
  }
  assert.ok(charged > 20 && zwitterions > 5, `${charged} would have a charge, ${zwitterions} have two that balance`);
});

Deno.test("valenceGraph() leaves a charge where there is no neutral graph", () => {
  // N+ between two CH2 of one bond each: sound, and nothing else is.
  const classes: readonly HeavyAtomClass[] = [[6, 3], [7, 2, 1]], sums = bondSumsOf(classes, DRUGLIKE);
  const charges = chargesOf(classes, { neutral: true })!, width = 9 + classes.length;
  const z = new Float32Array(3 * width + 36);
  [0, 1, 0].forEach((kind, i) => z[i * width + 9 + kind] = 0.5);
  for (const [i, j, order] of [[0, 1, 1], [1, 2, 1], [0, 2, 0]]) {
    for (const [a, b] of [[i, j], [j, i]]) z[3 * width + (3 * a + b) * 4 + order] = 0.5;
  }
  const graph = valenceGraph(z, 3, sums, 0, { charges })!;
  assert.deepEqual(Array.from(graph.kinds), [0, 1, 0]);
  assert.ok(needsSearch(z, 3, sums, 0, 4, charges) && !needsSearch(z, 3, sums));
});

Deno.test("bondSumsOf() refuses a class that the chemistry has no valence for", () => {
  assert.throws(
    () => bondSumsOf([[6, 3], [7, 0, 1]]),
    /class N\(\+1\)\+0H: the chemistry edm has the valences .*"0":\[3\]/,
  );
  assert.throws(() => bondSumsOf([[8, 3]]), /class O\+3H/);
  assert.throws(() => bondSumsOf([[16, 0]]), /class S\+0H/);
});

Deno.test("valenceGraph() of 40 atoms and more than 16 classes finds the graph that a latent is all but sure of", () => {
  const classes: HeavyAtomClass[] = [...Array(20)].map((_, k): HeavyAtomClass => [[6, 7, 16][k % 3], k % 3]);
  const sums = bondSumsOf(classes, DRUGLIKE), N = 40, K = classes.length, width = 9 + K;
  const z = new Float32Array(N * width + N * N * 4).fill(1e-3);
  const chain = classes.findIndex(([element, hydrogens]) => element === 7 && hydrogens === 1);
  for (let i = 0; i < N; i++) {
    z[i * width + 9 + chain] = 0.4;
    for (let j = 0; j < N; j++) {
      // A ring, of which one bond seems to be double.
      const bonded = [1, N - 1].includes(Math.abs(i - j)), doubtful = Math.min(i, j) === 7 && Math.max(i, j) === 8;
      const at = N * width + (i * N + j) * 4;
      z[at + (bonded ? 1 : 0)] = 0.4;
      if (doubtful) z[at + 2] = 0.41;
    }
  }
  const graph = valenceGraph(z, N, sums)!;
  assert.ok(graph.kinds.every((kind) => kind === chain));
  assert.equal(graph.orders[7 * N + 8], 1);
  assert.equal(graph.orders.reduce((a, b) => a + b), 2 * N);
});

Deno.test("valenceGraph() is argmaxGraph() when that obeys valence", () => {
  // CH3-CH3, all but sure.
  const z = latent(2, 1, 0.01);
  for (let i = 0; i < 2; i++) z[i * WIDTH + 9 + 1] = 0.49;
  for (const at of [2 * WIDTH + 4, 2 * WIDTH + 8]) z[at + 1] = 0.49;
  assert.deepEqual(valenceGraph(z, 2, SUMS), argmaxGraph(z, 2, CLASSES));
  assert.ok(obeysValence(argmaxGraph(z, 2, CLASSES)));
});

/** Three atoms that are all but sure of their classes and orders. */
function sure(kinds: readonly number[], order: number): Float32Array {
  const z = new Float32Array(3 * WIDTH + 9 * 4);
  for (let i = 0; i < 3; i++) {
    z[i * WIDTH + 9 + kinds[i]] = 0.5;
    for (let j = 0; j < 3; j++) if (i !== j) z[3 * WIDTH + (3 * i + j) * 4 + order] = 0.5;
  }
  return z;
}

Deno.test("valenceGraph() finds a graph for a draft that is all but sure of what breaks a valence", () => {
  // Three methyls, each bonded to both others.
  const z = sure([1, 1, 1], 1), graph = valenceGraph(z, 3, SUMS)!;
  assert.ok(obeysValence(graph) && graph.searched);
  assert.ok(Array.from(graph.kinds).filter((kind) => kind === 1).length >= 1);
});

Deno.test("valenceGraph() gives undefined when there is no graph, or none within the limit", () => {
  const methyls = bondSumsOf([[6, 3], [8, 1], [9, 0], [6, 3]]);
  // Of three atoms with one bond each, one has none to bond to.
  assert.equal(valenceGraph(sure([0, 1, 2], 1), 3, methyls), undefined);
  assert.equal(valenceGraph(latent(3, 4), 3, SUMS, 0, { most: 0 }), undefined);
});

Deno.test("valenceGraph() gives up after a count of changes looked at, and gives the same graph below it", () => {
  for (const [nodes, seed] of [[4, 0], [5, 5], [7, 3], [9, 3], [12, 0]]) {
    const z = latent(nodes, seed), found = (most: number) => valenceGraph(z, nodes, SUMS, 0, { most });
    const graph = found(MOST_CHANGES);
    assert.ok(graph && needsSearch(z, nodes, SUMS));
    // The least count with which it is found, by halving: it is found with any above, and with none below.
    let [without, enough] = [0, MOST_CHANGES];
    while (enough - without > 1) {
      const most = (without + enough) >> 1;
      if (found(most)) enough = most;
      else without = most;
    }
    for (const most of [enough, enough + 1, 2 * enough]) assert.deepEqual(found(most), graph);
    for (const most of [0, enough >> 1, enough - 1]) assert.equal(found(most), undefined);
  }
});

Deno.test("valenceGraph() looks at 10,000 changes at most where nothing else is asked", () => {
  assert.equal(MOST_CHANGES, 10_000);
  const counts = [0, 1, 2, 3].map((seed) => {
    const z = latent(28, seed), found = valenceGraph(z, 28, SUMS, 0, { most: 5 * MOST_CHANGES });
    assert.deepEqual(valenceGraph(z, 28, SUMS), valenceGraph(z, 28, SUMS, 0, { most: MOST_CHANGES }));
    return found && !valenceGraph(z, 28, SUMS);
  });
  assert.ok(counts.includes(true), "some graph is found with more");
});

/** A chain of carbon atoms with double bonds here and there, each feature seen through noise: of 30 atoms some dozen have a bond too many or too few. */
function blurredChain(nodes: number, seed: number, sigma: number) {
  const draw = random(seed), orders = new Uint8Array(nodes * nodes), kinds = new Uint8Array(nodes);
  for (let i = 0; i + 1 < nodes; i++) {
    const double = i > 1 && i + 2 < nodes && orders[(i - 1) * nodes + i] === 1 && draw.uniform() < 0.3;
    orders[i * nodes + i + 1] = orders[(i + 1) * nodes + i] = double ? 2 : 1;
  }
  const classes: HeavyAtomClass[] = [[6, 1], [6, 2], [6, 3], [8, 0], [8, 1]], K = classes.length;
  const bonds = (i: number) => orders.subarray(i * nodes, (i + 1) * nodes).reduce((a, b) => a + b);
  for (let i = 0; i < nodes; i++) kinds[i] = 3 - bonds(i);
  const z = new Float32Array(nodes * (9 + K) + nodes * nodes * 4);
  const write = (at: number, count: number, truth: number, prior: (k: number) => number) => {
    const weights = Array.from(
      { length: count },
      (_, k) => prior(k) * Math.exp(((k === truth ? 1 : 0) + sigma * draw.normal() - 1) / sigma ** 2),
    );
    weights.forEach((weight, k) => z[at + k] = weight / weights.reduce((a, b) => a + b));
  };
  for (let i = 0; i < nodes; i++) {
    write(i * (9 + K) + 9, K, kinds[i], () => 1);
    for (let j = 0; j < i; j++) {
      const at = nodes * (9 + K) + (i * nodes + j) * 4;
      write(at, 4, orders[i * nodes + j], (k) => [0.9, 0.07, 0.025, 0.005][k]);
      z.copyWithin(nodes * (9 + K) + (j * nodes + i) * 4, at, at + 4);
    }
  }
  const nats = (graph: Graph) => {
    let sum = 0;
    for (let i = 0; i < nodes; i++) {
      sum += Math.log(z[i * (9 + K) + 9 + graph.kinds[i]]);
      for (let j = 0; j < i; j++) {
        sum += Math.log(z[nodes * (9 + K) + (i * nodes + j) * 4 + graph.orders[i * nodes + j]]);
      }
    }
    return sum;
  };
  return { z, sums: bondSumsOf(classes), nats, truth: { kinds, orders } };
}

Deno.test("valenceGraph() of 30 atoms finds graphs at least as likely as the one behind the noise, whatever many are violated", () => {
  let found = 0;
  for (let seed = 0; seed < 20; seed++) {
    const nodes = 30, { z, sums, nats, truth } = blurredChain(nodes, seed, 0.35);
    assert.ok(needsSearch(z, nodes, sums));
    const graph = valenceGraph(z, nodes, sums);
    if (!graph) continue;
    found++;
    for (let i = 0; i < nodes; i++) {
      const bonds: number = graph.orders.subarray(i * nodes, (i + 1) * nodes).reduce((a, b) => a + b);
      assert.ok(sums[graph.kinds[i]].includes(bonds), `seed ${seed}, atom ${i}`);
    }
    assert.ok(nats(graph) >= nats(truth) - 1e-6, `seed ${seed}: ${nats(graph)}, ${nats(truth)}`);
  }
  assert.ok(found >= 18, `${found} of 20`);
});

Deno.test("valenceGraph() reads the latent at the offset given, and orders are symmetric", () => {
  const z = latent(5, 3), shifted = new Float32Array(7 + z.length);
  shifted.set(z, 7);
  const graph = valenceGraph(z, 5, SUMS)!;
  assert.deepEqual(valenceGraph(shifted, 5, SUMS, 7), graph);
  for (let i = 0; i < 5; i++) {
    for (let j = 0; j < 5; j++) assert.equal(graph.orders[5 * i + j], graph.orders[5 * j + i]);
  }
});
