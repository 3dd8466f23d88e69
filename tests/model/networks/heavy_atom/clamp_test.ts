import assert from "node:assert/strict";
import { clampInTurns, clampMolecule, clampToValence } from "../../../../model/networks/heavy_atom/clamp.ts";
import { argmaxGraph, valenceGraph } from "../../../../model/networks/heavy_atom/graph.ts";
import { createHeavyAtomAutoencoder } from "../../../../model/networks/heavy_atom/autoencoder.ts";
import { bondSumsOf, heavyAtomSpace, ONE_HOT, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import { DRUGLIKE } from "../../../../chem/chemistry.ts";
import type { FixedPart } from "../../../../model/diffusion/fixed.ts";
import type { HeavyAtomClass } from "../../../../model/diffusion/types.ts";
import { latentLength } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { createTurns } from "../../../turns.ts";

const SUMS = bondSumsOf(QM9_CLASSES);
const K = QM9_CLASSES.length, WIDTH = 9 + K;

/** Estimates of two CH3-CH2-OH whose second carbon seems to have a hydrogen too many, more or less surely. */
function ethanols(doubt: readonly number[]): Float32Array {
  const length = latentLength(heavyAtomSpace(), 3), x0 = new Float32Array(length * doubt.length), draw = random(1);
  doubt.forEach((p, b) => {
    const at = b * length,
      kind = (element: number, hydrogens: number) =>
        QM9_CLASSES.findIndex(([e, h]) => e === element && h === hydrogens);
    for (let i = 0; i < 3; i++) for (let k = 0; k < 9; k++) x0[at + i * WIDTH + k] = draw.normal();
    x0[at + 9 + kind(6, 3)] = ONE_HOT;
    x0[at + WIDTH + 9 + kind(6, 3)] = ONE_HOT * (1 - p);
    x0[at + WIDTH + 9 + kind(6, 2)] = ONE_HOT * p;
    x0[at + 2 * WIDTH + 9 + kind(8, 1)] = ONE_HOT;
    for (const [i, j, order] of [[0, 1, 1], [1, 2, 1], [0, 2, 0]]) {
      for (const [a, c] of [[i, j], [j, i]]) x0[at + 3 * WIDTH + (a * 3 + c) * 4 + order] = ONE_HOT;
    }
  });
  return x0;
}

Deno.test("clampToValence() puts the likeliest sound graph in place of the estimate, and leaves positions", () => {
  const x0 = ethanols([0.3, 0.7]), before = x0.slice(), length = x0.length / 2;
  assert.equal(clampToValence(x0, { batch: 2, nodes: 3 }, SUMS), 2);
  for (const at of [0, length]) {
    const graph = argmaxGraph(x0, 3, QM9_CLASSES, at);
    assert.deepEqual(Array.from(graph.kinds, (kind) => QM9_CLASSES[kind]), [[6, 3], [6, 2], [8, 1]]);
    assert.deepEqual(valenceGraph(x0, 3, SUMS, at), graph);
    for (let i = 0; i < 3; i++) {
      const vectors = (z: Float32Array) => z.slice(at + i * WIDTH, at + i * WIDTH + 9);
      assert.deepEqual(vectors(x0), vectors(before));
      const scalars = Array.from(x0.slice(at + i * WIDTH + 9, at + (i + 1) * WIDTH));
      assert.deepEqual(scalars.filter((value) => value !== 0), [ONE_HOT]);
      const diagonal = at + 3 * WIDTH + (i * 3 + i) * 4;
      assert.ok(x0.slice(diagonal, diagonal + 4).every((value) => value === 0), "the diagonal stays empty");
    }
  }
});

Deno.test("clampToValence() leaves an estimate that no sound graph comes near", () => {
  const x0 = ethanols([0]), before = x0.slice();
  assert.equal(clampToValence(x0, { batch: 1, nodes: 3 }, SUMS), 0);
  assert.deepEqual(x0, before);
});

Deno.test("clampToValence() of charges that are to add up to nothing puts a neutral graph in place of the estimate", () => {
  // The oxygen seems to have lost its hydrogen: with charges of classes an alcoholate, sound by itself.
  const charges = QM9_CLASSES.map((_, k) => k === 0 ? -1 : 0), x0 = ethanols([0.7]), shape = { batch: 1, nodes: 3 };
  const classes = x0.subarray(2 * WIDTH + 9, 3 * WIDTH), alcohol = classes.indexOf(ONE_HOT);
  classes[0] = 0.6 * ONE_HOT, classes[alcohol] = 0.4 * ONE_HOT;
  const sums = SUMS.map((each, k) => k === 0 ? [1] : each), free = x0.slice();
  const kindOf = (z: Float32Array) => argmaxGraph(z, 3, QM9_CLASSES).kinds[2];
  assert.equal(clampToValence(free, shape, sums), 1);
  assert.equal(kindOf(free), 0);
  assert.equal(clampToValence(x0, shape, sums, 4, charges), 1);
  assert.equal(kindOf(x0), alcohol);
});

Deno.test("a neutral form clamps and decodes to neutral molecules, but for those whose part was given", async () => {
  // CH3-CH2-O-, a little likelier than CH3-CH2-OH, both sound.
  const classes: readonly HeavyAtomClass[] = [[6, 3], [6, 2], [8, 1], [8, 0, -1]], width = 9 + classes.length;
  const z = new Float32Array(3 * width + 36), shape = { batch: 1, nodes: 3 };
  [0, 1, 3].forEach((kind, i) => {
    z[i * width] = i - 1, z[i * width + 9 + kind] = i < 2 ? ONE_HOT : 0.6 * ONE_HOT;
  });
  z[2 * width + 9 + 2] = 0.4 * ONE_HOT;
  for (const [i, j, order] of [[0, 1, 1], [1, 2, 1], [0, 2, 0]]) {
    for (const [a, c] of [[i, j], [j, i]]) z[3 * width + (a * 3 + c) * 4 + order] = ONE_HOT;
  }
  const charge = (charges?: ArrayLike<number>) => Array.from(charges ?? []).reduce((a, b) => a + b, 0);
  for (const [form, expected] of [[{}, -1], [{ neutral: true }, 0]] as const) {
    const codec = createHeavyAtomAutoencoder({ classes, chemistry: DRUGLIKE, form, workers: 0 });
    let repaired = 0;
    const options = { decoding: "valence", onRepaired: () => repaired++ } as const;
    const [molecule] = await codec.decode(z, shape, [], options);
    assert.deepEqual([charge(molecule.charges), repaired], [expected, expected + 1]);
    const kindOf = async (fixed?: FixedPart) => {
      const x0 = z.slice();
      await codec.clamp!(x0, shape, { fixed });
      return argmaxGraph(x0, 3, classes).kinds[2];
    };
    assert.equal(await kindOf(), expected === 0 ? 2 : 3);
    assert.equal(await kindOf({ nodes: 1 } as FixedPart), 3);
    codec.dispose();
  }
});

Deno.test("clampInTurns() gives what clampToValence() gives, a molecule a turn, and stops where its signal is aborted", async () => {
  const shape = { batch: 4, nodes: 3 }, doubts = [0.3, 0.7, 0.6, 0.4], x0 = ethanols(doubts), own = ethanols(doubts);
  clampToValence(own, shape, SUMS);
  const turns = createTurns();
  await clampInTurns(x0, shape, SUMS, { clamp: turns.counted(clampMolecule) });
  assert.deepEqual(turns.end(), { calls: 4, most: 1 });
  assert.deepEqual(x0, own);
  const abort = new AbortController(), again = createTurns();
  const clamp = again.counted((...given: Parameters<typeof clampMolecule>) => {
    abort.abort(new Error("left"));
    return clampMolecule(...given);
  });
  await assert.rejects(clampInTurns(ethanols(doubts), shape, SUMS, { signal: abort.signal, clamp }), /left/);
  assert.equal(again.end().calls, 1);
});
