import assert from "node:assert/strict";
import { EDM } from "../../../../chem/chemistry.ts";
import { openQm9 } from "../../../../chem/qm9.ts";
import { perceiveBonds } from "../../../../chem/bonds.ts";
import { createRdkit } from "../../../../chem/rdkit.ts";
import { stability } from "../../../../chem/stability.ts";
import { createValidator } from "../../../../chem/validator.ts";
import type { HeavyAtomClass } from "../../../../model/diffusion/types.ts";
import { latentLength } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { aromaticBonds, kekulise } from "../../../../model/networks/heavy_atom/aromatic.ts";
import { clampToValence } from "../../../../model/networks/heavy_atom/clamp.ts";
import { readLatent } from "../../../../model/networks/heavy_atom/decode.ts";
import { IDENTITY, writeLatent } from "../../../../model/networks/heavy_atom/encode.ts";
import { toExample } from "../../../../model/networks/heavy_atom/examples.ts";
import { argmaxGraph, needsSearch, valenceGraph } from "../../../../model/networks/heavy_atom/graph.ts";
import {
  AROMATIC,
  bondSumsOf,
  heavyAtomSpace,
  ONE_HOT,
  ordersOf,
  QM9_CLASSES,
} from "../../../../model/networks/heavy_atom/space.ts";
import { noQm9, qm9Folder } from "./qm9_folder.ts";

const FORM = { aromatic: true }, FEATURES = ordersOf(FORM), SUMS = bondSumsOf(QM9_CLASSES), K = QM9_CLASSES.length;

/** A skeleton from its atoms and bonds. */
function skeleton(kinds: readonly HeavyAtomClass[], bonds: readonly (readonly [number, number, number])[]) {
  const N = kinds.length, orders = new Uint8Array(N * N);
  for (const [i, j, order] of bonds) orders[i * N + j] = orders[j * N + i] = order;
  return { kinds, sums: bondSumsOf(kinds), orders };
}

/** Bonds round a ring of the first atoms, by their orders. */
const ring = (...orders: number[]) => orders.map((order, k) => [k, (k + 1) % orders.length, order] as const);

const CH: HeavyAtomClass = [6, 1],
  C: HeavyAtomClass = [6, 0],
  CH2: HeavyAtomClass = [6, 2],
  CH3: HeavyAtomClass = [6, 3];
const N: HeavyAtomClass = [7, 0], NH: HeavyAtomClass = [7, 1], O: HeavyAtomClass = [8, 0];

/** Aromatic bonds of a skeleton. */
const count = (of: ReturnType<typeof skeleton>) => aromaticBonds(of).reduce((sum, is) => sum + is, 0) / 2;

Deno.test("aromaticBonds() follows Hückel's rule, whatever distances say of the ring's own bonds", () => {
  assert.equal(count(skeleton(Array(6).fill(CH), ring(2, 1, 2, 1, 2, 1))), 6, "benzene");
  assert.equal(count(skeleton(Array(6).fill(CH), ring(1, 1, 1, 1, 1, 1))), 6, "benzene, all bonds long");
  assert.equal(count(skeleton([O, CH, CH, CH, CH], ring(1, 2, 1, 2, 1))), 5, "furan");
  assert.equal(count(skeleton([NH, CH, N, CH, CH], ring(1, 2, 1, 2, 1))), 5, "imidazole");
  assert.equal(count(skeleton([CH2, CH, CH, CH, CH], ring(1, 2, 1, 2, 1))), 0, "cyclopentadiene");
  assert.equal(count(skeleton(Array(4).fill(CH), ring(2, 1, 2, 1))), 0, "cyclobutadiene");
  assert.equal(count(skeleton([NH, C, CH, CH, CH, CH, O], [...ring(1, 1, 2, 1, 2, 1), [1, 6, 2]])), 6, "pyridone");
  assert.equal(count(skeleton([C, CH, CH, CH, CH, CH2], [...ring(1, 2, 1, 2, 1), [0, 5, 2]])), 0, "fulvene");
  assert.equal(count(skeleton([CH2, CH2, CH2, CH2, CH2, CH2], ring(1, 1, 1, 1, 1, 1))), 0, "cyclohexane");
  const toluene = aromaticBonds(skeleton([...Array(5).fill(CH), C, CH3], [...ring(2, 1, 2, 1, 2, 1), [5, 6, 1]]));
  assert.equal(toluene[5 * 7 + 6], 0, "the bond that leads away is not");
});

Deno.test("aromaticBonds() counts rings with a bond in common together where neither is aromatic alone", () => {
  const bonds = [[0, 1, 2], [1, 2, 1], [2, 3, 2], [3, 4, 1], [4, 5, 2], [5, 6, 1], [6, 7, 2], [7, 8, 1], [8, 9, 2]];
  const azulene = skeleton(
    [CH, CH, C, CH, CH, CH, CH, CH, C, CH],
    [...bonds, [9, 0, 1], [2, 8, 1]] as [number, number, number][],
  );
  const mask = aromaticBonds(azulene);
  assert.equal(mask.reduce((sum, is) => sum + is, 0) / 2, 10);
  assert.equal(mask[2 * 10 + 8], 0, "the bond in common is not");
});

Deno.test("kekulise() gives every atom its double bond, the shorter ones where it may choose", () => {
  const words = skeleton(Array(6).fill(CH), ring(4, 4, 4, 4, 4, 4)), sums = words.sums;
  for (const short of [0, 1]) {
    const orders = kekulise(words.orders, sums, (i, j) => (i + j === 5 ? 0 : Math.min(i, j)) % 2 === short ? -1 : 1);
    for (let i = 0; i < 6; i++) {
      assert.equal(orders.subarray(6 * i, 6 * i + 6).reduce((a, b) => a + b), 3);
      for (let j = 0; j < 6; j++) assert.equal(orders[6 * i + j], orders[6 * j + i]);
    }
  }
  const chosen = (first: number) =>
    kekulise(words.orders, sums, (i, j) => [i, j].includes(0) && [i, j].includes(first) ? -1 : 0)[first];
  assert.deepEqual([chosen(1), chosen(5)], [2, 2]);
  // An odd ring cannot: two pairs, and one atom is left.
  const odd = kekulise(skeleton(Array(5).fill(CH), ring(4, 4, 4, 4, 4)).orders, bondSumsOf(Array(5).fill(CH)));
  assert.equal(odd.filter((order) => order === 2).length, 4);
});

/** A latent of three classes of atoms whose classes and words have random probabilities. */
const CLASSES: readonly HeavyAtomClass[] = [[6, 1], [6, 2], [8, 0], [7, 0]], FEW = bondSumsOf(CLASSES);
function latent(nodes: number, seed: number): Float32Array {
  const space = heavyAtomSpace(CLASSES, FORM), z = new Float32Array(latentLength(space, nodes)), draw = random(seed);
  const probabilities = (count: number) => {
    const values = Array.from({ length: count }, () => Math.exp(1.5 * draw.normal()));
    return values.map((value) => ONE_HOT * value / values.reduce((a, b) => a + b));
  };
  const width = 9 + CLASSES.length;
  for (let i = 0; i < nodes; i++) {
    z.set(probabilities(CLASSES.length), i * width + 9);
    for (let j = 0; j < i; j++) {
      const words = probabilities(FEATURES);
      for (const [a, b] of [[i, j], [j, i]]) z.set(words, nodes * width + (a * nodes + b) * FEATURES);
    }
  }
  return z;
}

Deno.test("valenceGraph() finds the likeliest words that bonds obeying valence can stand for, by trying them all", () => {
  const nodes = 3, width = 9 + CLASSES.length, pairs = [[1, 0], [2, 0], [2, 1]] as const;
  let aromatic = 0, searched = 0;
  for (let seed = 0; seed < 40; seed++) {
    const z = latent(nodes, seed),
      said = (i: number, j: number, word: number) => Math.log(z[nodes * width + (i * nodes + j) * FEATURES + word]);
    let best = -Infinity;
    for (let code = 0; code < 4 ** 3 * 4 ** 3; code++) {
      let rest = code;
      const next = (count: number) => {
        const value = rest % count;
        rest = Math.floor(rest / count);
        return value;
      };
      const kinds = [next(4), next(4), next(4)], orders = pairs.map(() => next(4)), sums = [0, 0, 0];
      pairs.forEach(([i, j], p) => (sums[i] += orders[p], sums[j] += orders[p]));
      if (!kinds.every((kind, i) => FEW[kind].includes(sums[i]))) continue;
      let sum = kinds.reduce((total, kind, i) => total + Math.log(z[i * width + 9 + kind]), 0);
      pairs.forEach(([i, j], p) => {
        const either = orders[p] === 1 || orders[p] === 2 ? said(i, j, AROMATIC) : -Infinity;
        sum += Math.max(said(i, j, orders[p]), either);
      });
      best = Math.max(best, sum);
    }
    const graph = valenceGraph(z, nodes, FEW, 0, { features: FEATURES, most: 1e6 })!;
    let found = 0;
    for (let i = 0; i < nodes; i++) {
      found += Math.log(z[i * width + 9 + graph.kinds[i]]);
      const row = (of: Uint8Array) => of.subarray(i * nodes, (i + 1) * nodes);
      assert.ok(FEW[graph.kinds[i]].includes(row(graph.orders).reduce((a, b) => a + b)), `seed ${seed}`);
      for (let j = 0; j < i; j++) found += said(i, j, graph.words![i * nodes + j]);
    }
    assert.ok(Math.abs(found - best) < 1e-4, `seed ${seed}: ${found}, best ${best}`);
    if (graph.words!.includes(AROMATIC)) aromatic++;
    if (needsSearch(z, nodes, FEW, 0, FEATURES)) searched++;
  }
  assert.ok(aromatic > 5 && searched > 20, `${aromatic} with aromatic bonds, ${searched} searched`);
});

Deno.test("clampToValence() writes aromatic bonds back as such", () => {
  const nodes = 6, space = heavyAtomSpace(QM9_CLASSES, FORM), x0 = new Float32Array(latentLength(space, nodes));
  const benzene = skeleton(Array(nodes).fill(CH), ring(4, 4, 4, 4, 4, 4)),
    ch = QM9_CLASSES.findIndex(([e, h]) => e === 6 && h === 1);
  const ch2 = QM9_CLASSES.findIndex(([e, h]) => e === 6 && h === 2);
  for (let i = 0; i < nodes; i++) {
    // One carbon seems to have a hydrogen too many, which leaves the others without a sound ring.
    x0[i * (9 + K) + 9 + ch] = i === 0 ? 0.2 : 0.5, x0[i * (9 + K) + 9 + ch2] = i === 0 ? 0.3 : 0;
    for (let j = 0; j < nodes; j++) {
      if (i !== j) x0[nodes * (9 + K) + (i * nodes + j) * FEATURES + benzene.orders[i * nodes + j]] = ONE_HOT;
    }
  }
  assert.ok(needsSearch(x0, nodes, SUMS, 0, FEATURES));
  assert.equal(clampToValence(x0, { batch: 1, nodes }, SUMS, FEATURES), 1);
  const { kinds, orders } = argmaxGraph(x0, nodes, QM9_CLASSES, 0, FEATURES);
  assert.deepEqual([...kinds], Array(nodes).fill(ch));
  assert.deepEqual(orders, benzene.orders);
  assert.ok(!needsSearch(x0, nodes, SUMS, 0, FEATURES));
});

Deno.test({
  name: "aromatic bonds of 5,000 molecules of QM9: RDKit's, and the same graph again when read",
  ignore: noQm9,
  async fn() {
    const qm9 = await openQm9(qm9Folder), rdkit = await createRdkit(), validate = createValidator(rdkit);
    const space = heavyAtomSpace(QM9_CLASSES, FORM), carried = { ...EDM, bonds: "graph" } as const;
    let sound = 0, rings = 0, spoilt = 0, mended = 0;
    for (const row of qm9.split.test.subarray(0, 5000)) {
      const molecule = qm9.molecule(row), plain = toExample(molecule, QM9_CLASSES), nodes = plain.nodes;
      const example = toExample(molecule, QM9_CLASSES, EDM, FORM), z = new Float32Array(latentLength(space, nodes));
      writeLatent(example, K, IDENTITY, random(1, row), z, 0, FORM);
      const { molecule: read, decoding } = readLatent(z, nodes, QM9_CLASSES, 0, "valence", carried, FORM);
      const aromatic = Array.from({ length: nodes }, (_, i) => example.orders.subarray(i * nodes, (i + 1) * nodes))
        .filter((row) => row.includes(AROMATIC)).length;
      if (stability(molecule, perceiveBonds(molecule)).stable) {
        sound++;
        const orders = new Uint8Array(nodes * nodes);
        for (const { i, j, order } of read.bonds!) {
          if (i < nodes && j < nodes) orders[i * nodes + j] = orders[j * nodes + i] = order;
        }
        assert.deepEqual(orders, plain.orders, `${row}: ${qm9.smiles(row)}`);
        const { smiles } = validate(molecule, { inchikey: false });
        assert.equal(aromatic, (smiles!.match(/[cno]/g) ?? []).length, `${row}: ${smiles}`);
        if (aromatic > 0) rings++;
      } else if (aromatic > 0) {
        spoilt++;
        if (decoding === "valence") mended++;
      }
    }
    // Rings whose distances lie at a threshold, so that EDM's rule gives no sound graph: most have one now.
    console.log(
      `${sound} sound, ${rings} of them aromatic; ${spoilt} aromatic and not sound, ${mended} of these mended`,
    );
    assert.ok(sound > 4700 && rings > 680 && spoilt > 100 && mended > 0.9 * spoilt);
  },
});
