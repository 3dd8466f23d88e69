import assert from "node:assert/strict";
import { openQm9 } from "../../../../chem/qm9.ts";
import type { Molecule } from "../../../../chem/molecule.ts";
import { perceiveBonds } from "../../../../chem/bonds.ts";
import { stability } from "../../../../chem/stability.ts";
import { createHeavyAtomAutoencoder } from "../../../../model/networks/heavy_atom/autoencoder.ts";
import { hydrogenDirections, readLatent } from "../../../../model/networks/heavy_atom/decode.ts";
import { argmaxGraph } from "../../../../model/networks/heavy_atom/graph.ts";
import { IDENTITY, randomRotation, writeLatent } from "../../../../model/networks/heavy_atom/encode.ts";
import { packExamples, toExample } from "../../../../model/networks/heavy_atom/examples.ts";
import { heavyAtomSpace, QM9_CLASSES } from "../../../../model/networks/heavy_atom/space.ts";
import { latentLength } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { noQm9, qm9Folder } from "./qm9_folder.ts";

/** Ethanol, near its equilibrium. */
const ethanol: Molecule = {
  atomicNumbers: new Uint8Array([6, 6, 8, 1, 1, 1, 1, 1, 1]),
  // deno-fmt-ignore
  positions: new Float32Array([
    1.1879, -0.3829, 0.0, 0.0, 0.5526, 0.0, -1.1867, -0.2472, 0.0,
    2.1119, 0.1996, 0.0, 1.1609, -1.0203, 0.8869, 1.1609, -1.0203, -0.8869,
    0.0227, 1.1984, 0.8854, 0.0227, 1.1984, -0.8854, -1.9422, 0.3579, 0.0,
  ]),
};

function rotated({ atomicNumbers, positions }: Molecule, r: ArrayLike<number>, shift = [0, 0, 0]): Molecule {
  const out = new Float32Array(positions.length);
  for (let a = 0; a < atomicNumbers.length; a++) {
    for (let i = 0; i < 3; i++) {
      out[3 * a + i] = shift[i];
      for (let k = 0; k < 3; k++) out[3 * a + i] += r[3 * i + k] * positions[3 * a + k];
    }
  }
  return { atomicNumbers, positions: out };
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);

Deno.test("toExample() gives hydrogens to the nearest heavy atom and perceives the skeleton's bonds", () => {
  const example = toExample(ethanol, QM9_CLASSES);
  assert.deepEqual(Array.from(example.classes, (k) => QM9_CLASSES[k]), [[6, 3], [6, 2], [8, 1]]);
  assert.deepEqual(Array.from(example.orders), [0, 1, 0, 1, 0, 1, 0, 1, 0]);
  for (let axis = 0; axis < 3; axis++) {
    assert.ok(Math.abs(example.positions[axis] + example.positions[3 + axis] + example.positions[6 + axis]) < 1e-5);
  }
});

Deno.test("toExample() throws RangeError when no class fits or there is no heavy atom", () => {
  const chloro = { atomicNumbers: new Uint8Array([17]), positions: new Float32Array(3) };
  assert.throws(() => toExample(chloro, QM9_CLASSES), /atomic number 17 with 0 hydrogens/);
  const hydrogen = { atomicNumbers: new Uint8Array([1, 1]), positions: new Float32Array([0, 0, 0, 0.74, 0, 0]) };
  assert.throws(() => toExample(hydrogen, QM9_CLASSES), /heavy atoms must be at least 1; got 0/);
});

Deno.test("encode() writes centred positions, s, u, half-height one-hots and symmetric orders", async () => {
  const codec = createHeavyAtomAutoencoder(), z = await codec.encode([ethanol], [random(1)]);
  const width = 9 + 12, N = 3;
  assert.equal(z.length, latentLength(codec.space, N));
  // The CH3 group of ethanol: s is about minus the unit vector to its neighbour, u is a unit vector.
  assert.ok(Math.abs(Math.hypot(z[6], z[7], z[8]) - 1) < 1e-5);
  assert.ok(Math.hypot(z[3], z[4], z[5]) > 0.8 && Math.hypot(z[3], z[4], z[5]) < 1.2);
  for (let i = 0; i < N; i++) assert.equal(z.slice(i * width + 9, (i + 1) * width).reduce((a, b) => a + b), 0.5);
  const pairs = z.slice(N * width);
  for (let i = 0; i < N; i++) {
    for (let j = 0; j < N; j++) {
      const ij = pairs.slice((i * N + j) * 4, (i * N + j) * 4 + 4),
        ji = pairs.slice((j * N + i) * 4, (j * N + i) * 4 + 4);
      assert.deepEqual(ij, ji);
      assert.equal(ij.reduce((a, b) => a + b), i === j ? 0 : 0.5);
    }
  }
});

Deno.test("encode() draws u anew from its stream, and only u", async () => {
  const codec = createHeavyAtomAutoencoder(), seen = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const z = await codec.encode([ethanol], [random(seed)]);
    seen.add(Array.from(z.slice(6, 9)).join());
    assert.deepEqual(z.slice(0, 6), (await codec.encode([ethanol], [random(0)])).slice(0, 6));
  }
  assert.equal(seen.size, 3);
});

Deno.test("encode() with the canonical hydrogen names the one opposite to the larger branch, however the molecule lies and is numbered", () => {
  const form = { hydrogen: "canonical" } as const, length = latentLength(heavyAtomSpace(), 3);
  const latentOf = (molecule: Molecule, seed: number, r: ArrayLike<number> = IDENTITY) => {
    const z = new Float32Array(length);
    writeLatent(toExample(molecule, QM9_CLASSES), 12, r, random(seed), z, 0, form);
    return z;
  };
  const z = latentOf(ethanol, 0);
  // The methyl hydrogen anti to the oxygen, atom 3 of ethanol.
  const x = ethanol.positions, toward = [0, 1, 2].map((axis) => x[9 + axis] - x[axis]), size = Math.hypot(...toward);
  assert.ok(largest(z.slice(6, 9), toward.map((value) => value / size)) < 1e-5);
  for (let seed = 1; seed < 6; seed++) {
    assert.deepEqual(latentOf(ethanol, seed), z, "nothing is drawn");
    const r = randomRotation(random(seed));
    assert.ok(
      largest(latentOf(rotated(ethanol, r, [4, -5, 6]), seed).slice(6, 9), latentOf(ethanol, 0, r).slice(6, 9)) < 1e-5,
    );
    // The hydrogens of the methyl group in another order; those of CH2 are mirror images, which no rule tells apart.
    const order = [0, 1, 2, ...[[3, 4, 5], [4, 3, 5], [5, 4, 3], [4, 5, 3], [5, 3, 4]][seed - 1], 6, 7, 8];
    const positions = Float32Array.from(order.flatMap((a) => [...x.subarray(3 * a, 3 * a + 3)]));
    assert.ok(largest(latentOf({ ...ethanol, positions }, 0), z) < 1e-6);
  }
});

Deno.test("encode() turns with the molecule and ignores where it stands", () => {
  const stream = random(5), r = randomRotation(stream), space = heavyAtomSpace(), length = latentLength(space, 3);
  const a = new Float32Array(length), b = new Float32Array(length);
  writeLatent(toExample(ethanol, QM9_CLASSES), 12, r, random(3), a);
  writeLatent(toExample(rotated(ethanol, r, [4, -5, 6]), QM9_CLASSES), 12, IDENTITY, random(3), b);
  assert.ok(largest(a, b) < 1e-5);
});

Deno.test("decode() turns with the latent, reflections too", () => {
  const length = latentLength(heavyAtomSpace(), 3), example = toExample(ethanol, QM9_CLASSES);
  for (let seed = 0; seed < 6; seed++) {
    const r = randomRotation(random(seed)), a = new Float32Array(length), b = new Float32Array(length);
    writeLatent(example, 12, IDENTITY, random(3), a);
    writeLatent(example, 12, r, random(3), b);
    const [{ molecule }, { molecule: direct }] = [a, b].map((z) => readLatent(z, 3, QM9_CLASSES));
    const turned = rotated(molecule, r);
    // A reflection may change the order of the hydrogens of one atom, so compare each atom with its nearest like.
    for (let i = 0; i < turned.atomicNumbers.length; i++) {
      const distances = Array.from(direct.atomicNumbers.keys())
        .filter((j) => direct.atomicNumbers[j] === turned.atomicNumbers[i])
        .map((j) => Math.hypot(...[0, 1, 2].map((k) => turned.positions[3 * i + k] - direct.positions[3 * j + k])));
      assert.ok(Math.min(...distances) < 1e-5);
    }
  }
});

Deno.test("randomRotation() is orthogonal, and a reflection about half of the time", () => {
  let reflections = 0;
  for (let seed = 0; seed < 200; seed++) {
    const r = randomRotation(random(seed));
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const inner = r[3 * i] * r[3 * j] + r[3 * i + 1] * r[3 * j + 1] + r[3 * i + 2] * r[3 * j + 2];
        assert.ok(Math.abs(inner - (i === j ? 1 : 0)) < 1e-12);
      }
    }
    const det = r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) +
      r[2] * (r[3] * r[7] - r[4] * r[6]);
    if (det < 0) reflections++;
  }
  assert.ok(reflections > 70 && reflections < 130, `${reflections} of 200`);
});

Deno.test("hydrogenDirections() gives finite unit vectors when s and u are zero or contradict each other", () => {
  const cases: [number, number, number][] = [[0, 0, 0], [1, 0, 0], [-3, 2, 1], [0, 0, 5]];
  for (const s of cases) {
    for (const u of cases) {
      for (let count = 1; count <= 4; count++) {
        const directions = hydrogenDirections(count, s, u);
        assert.equal(directions.length, count);
        for (const d of directions) assert.ok(Math.abs(Math.hypot(...d) - 1) < 1e-6, `${count} ${s} ${u}: ${d}`);
      }
    }
  }
});

Deno.test("hydrogenDirections() gives methane a regular tetrahedron", () => {
  const [a, ...rest] = hydrogenDirections(4, [0.01, 0, 0], [0, 0.6, 0.8]);
  for (const b of rest) assert.ok(Math.abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + 1 / 3) < 1e-9);
  assert.ok(Math.abs(rest[0].reduce((sum, value, k) => sum + value * rest[1][k], 0) + 1 / 3) < 1e-9);
});

Deno.test("packExamples() returns what it was given, by size", () => {
  const example = toExample(ethanol, QM9_CLASSES);
  const one = toExample({ atomicNumbers: new Uint8Array([9]), positions: new Float32Array(3) }, QM9_CLASSES);
  const set = packExamples([...Array(70).fill(example), one, example], { minNodes: 1 });
  assert.equal(set.count, 72);
  assert.deepEqual([...set.sizes], [[1, 1], [3, 71]]);
  assert.deepEqual(set.example(0), one);
  assert.deepEqual(set.example(71), example);
  assert.throws(() => set.example(72), RangeError);
  assert.equal(packExamples([one, example], { minNodes: 2 }).count, 1);
});

Deno.test({
  name: "decode(encode()) keeps stability, elements and bonds of 3,000 molecules of QM9",
  ignore: noQm9,
  async fn() {
    const qm9 = await openQm9(qm9Folder), codec = createHeavyAtomAutoencoder();
    let stable = 0,
      stableAtoms = 0,
      atoms = 0,
      dataStable = 0,
      dataAtoms = 0,
      count = 0,
      worstHeavy = 0,
      sameOrders = 0;
    const hydrogenErrors: number[] = [];
    for (const row of qm9.split.test.subarray(0, 3000)) {
      const molecule = qm9.molecule(row), z = await codec.encode([molecule], [random(7, row)]);
      const example = toExample(molecule, QM9_CLASSES), nodes = example.nodes;
      const [decoded] = await codec.decode(z, { batch: 1, nodes }, [random(7, row)]);
      assert.deepEqual([...decoded.atomicNumbers].sort(), [...molecule.atomicNumbers].sort());
      const heavy = Array.from(molecule.atomicNumbers.keys()).filter((a) => molecule.atomicNumbers[a] > 1);
      const mean = [0, 1, 2].map((axis) => heavy.reduce((sum, a) => sum + molecule.positions[3 * a + axis], 0) / nodes);
      for (let k = 0; k < nodes; k++) {
        for (let axis = 0; axis < 3; axis++) {
          const error = decoded.positions[3 * k + axis] + mean[axis] - molecule.positions[3 * heavy[k] + axis];
          worstHeavy = Math.max(worstHeavy, Math.abs(error));
        }
      }
      for (let a = 0; a < molecule.atomicNumbers.length; a++) {
        if (molecule.atomicNumbers[a] > 1) continue;
        let least = Infinity;
        for (let b = nodes; b < decoded.atomicNumbers.length; b++) {
          least = Math.min(
            least,
            Math.hypot(...[0, 1, 2].map((i) => decoded.positions[3 * b + i] + mean[i] - molecule.positions[3 * a + i])),
          );
        }
        hydrogenErrors.push(least);
      }
      const skeletal = perceiveBonds(molecule).filter(({ i, j }) =>
        molecule.atomicNumbers[i] > 1 && molecule.atomicNumbers[j] > 1
      ).length;
      if (argmaxGraph(z, nodes, QM9_CLASSES).orders.reduce((n, order) => n + (order ? 1 : 0), 0) === 2 * skeletal) {
        sameOrders++;
      }
      const judged = stability(decoded);
      stable += judged.stable ? 1 : 0, stableAtoms += judged.stableAtoms, atoms += judged.atoms, count++;
      const original = stability(molecule);
      dataStable += original.stable ? 1 : 0, dataAtoms += original.stableAtoms;
    }
    hydrogenErrors.sort((a, b) => a - b);
    const at = (q: number) => hydrogenErrors[Math.floor(q * hydrogenErrors.length)].toFixed(4);
    console.log(
      `molecule stability ${stable / count}, data ${dataStable / count}; atoms ${stableAtoms / atoms}, data ${
        dataAtoms / atoms
      }`,
    );
    console.log(`hydrogen errors, angstrom: median ${at(0.5)}, 95 % ${at(0.95)}, 99.9 % ${at(0.999)}`);
    assert.ok(stable / count >= 0.945);
    assert.ok(stableAtoms / atoms >= 0.993);
    assert.ok(worstHeavy < 1e-4);
    assert.equal(sameOrders, count);
    assert.ok(Number(at(0.95)) < 0.1);
  },
});
