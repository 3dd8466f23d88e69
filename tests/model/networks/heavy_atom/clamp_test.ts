import assert from "node:assert/strict";
import { clampInTurns, clampMolecule, clampToValence } from "../../../../model/networks/heavy_atom/clamp.ts";
import { argmaxGraph, valenceGraph } from "../../../../model/networks/heavy_atom/graph.ts";
import { bondSumsOf, heavyAtomSpace, ONE_HOT, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
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
