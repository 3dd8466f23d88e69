import assert from "node:assert/strict";
import { compareDistributions, createDistributions, type Distributions } from "../../chem/distributions.ts";
import type { Molecule } from "../../chem/molecule.ts";
import { molecule } from "./molecules.ts";

/** Water with both O-H of this length and this angle between them, in degrees. */
function water(length = 0.9625, degrees = 104.6): Molecule {
  const a = degrees * Math.PI / 180;
  return molecule(["O", 0, 0, 0], ["H", length, 0, 0], ["H", length * Math.cos(a), length * Math.sin(a), 0]);
}

/** A flat ring of carbons, 1.5025 angstrom apart: like the others in the middle of a bin. */
function ring(size: number): Molecule {
  const radius = 0.75125 / Math.sin(Math.PI / size);
  const atoms = Array.from({ length: size }, (_, k): [string, number, number, number] => {
    const a = 2 * Math.PI * k / size;
    return ["C", radius * Math.cos(a), radius * Math.sin(a), 0];
  });
  return molecule(...atoms);
}

function of(...molecules: Molecule[]): Distributions {
  const builder = createDistributions();
  for (const one of molecules) builder.add(one);
  return builder.distributions();
}

/** Turned about z by 0.7, mirrored, moved, its atoms in reverse. */
function moved({ atomicNumbers, positions }: Molecule): Molecule {
  const n = atomicNumbers.length, [c, s] = [Math.cos(0.7), Math.sin(0.7)], out = new Float32Array(3 * n);
  for (let i = 0; i < n; i++) {
    const [x, y, z] = positions.subarray(3 * i, 3 * i + 3);
    out.set([c * x - s * y + 3, s * x + c * y - 1, 5 - z], 3 * (n - 1 - i));
  }
  return { atomicNumbers: atomicNumbers.toReversed(), positions: out };
}

Deno.test("createDistributions() counts lengths, angles, elements, rings and sizes by kind", () => {
  const all = of(water(), water(), ring(7));
  assert.equal(all.molecules, 3);
  assert.deepEqual(all.elements, { O: 2, H: 4, C: 7 });
  assert.deepEqual(all.ringSizes, { 7: 1 });
  assert.deepEqual(all.ringsPerMolecule, { width: 1, first: 0, counts: [2, 1] });
  assert.deepEqual(all.atomsPerMolecule, { width: 1, first: 3, counts: [2, 0, 0, 0, 1] });
  assert.deepEqual(Object.keys(all.bondLengths), ["C-C", "O-H"]);
  assert.deepEqual(all.bondLengths["O-H"], { width: 0.005, first: 192, counts: [4] });
  assert.deepEqual(Object.keys(all.bondAngles), ["C-C-C", "H-O-H"]);
  assert.deepEqual(all.bondAngles["H-O-H"], { width: 1, first: 104, counts: [2] });
  assert.deepEqual(all.bondAngles["C-C-C"], { width: 1, first: 128, counts: [7] });
});

Deno.test("createDistributions() does not see place, turn, mirror image or order of atoms", () => {
  for (const one of [water(), ring(7)]) {
    const a = of(one), b = of(moved(one));
    assert.deepEqual(b, a);
  }
});

Deno.test("createDistributions() sets molecules apart that are no molecules", () => {
  const heap: [string, number, number, number][] = Array.from({ length: 12 }, (_, k) => ["C", 0.01 * k, 0, 0]);
  const all = of(molecule(...heap), molecule(["C", 0, 0, 0], ["C", 0, 0, 0], ["C", 0, 0, 0]));
  assert.equal(all.tangled, 1);
  assert.deepEqual(all.ringSizes, { 3: 1 });
  assert.deepEqual(all.bondAngles["C-C-C"].counts.reduce((a, b) => a + b), 12 * 55 + 3);
});

Deno.test("compareDistributions() is 0 between equal sets and grows by the shift of lengths and angles", () => {
  const base = of(water(0.9625, 104.5), ring(7)), same = compareDistributions(base, base);
  for (const [key, value] of Object.entries(same)) if (!Array.isArray(value)) assert.equal(value, 0, key);
  const long = compareDistributions(of(water(0.9825, 104.5), ring(7)), base);
  const oh = long.lengthsByKind.find(({ kind }) => kind === "O-H")!;
  assert.ok(Math.abs(oh.wasserstein! - 0.02) < 1e-9, String(oh.wasserstein));
  // Two of nine bonds are O-H.
  assert.ok(Math.abs(long.bondLengths! - 0.02 * 2 / 9) < 1e-9);
  const wide = compareDistributions(of(water(0.9625, 110.5), ring(7)), base);
  assert.ok(Math.abs(wide.bondAngles! - 6 / 8) < 1e-9, String(wide.bondAngles));
  const hexagon = compareDistributions(of(water(0.9625, 104.5), ring(6)), base);
  assert.equal(hexagon.ringSizes, 1);
  assert.equal(hexagon.ringsPerMolecule, 0);
  assert.equal(hexagon.atomsPerMolecule, 0.5);
  assert.ok(hexagon.elements! > 0 && hexagon.elements! < 0.1);
});

Deno.test("compareDistributions() gives null for kinds that were not generated and leaves rare ones out", () => {
  const { lengthsByKind, bondLengths, bondKinds } = compareDistributions(of(ring(7)), of(ring(7), water()));
  assert.deepEqual(lengthsByKind.map(({ kind, wasserstein }) => [kind, wasserstein]), [["C-C", 0], ["O-H", null]]);
  assert.equal(bondLengths, 0);
  assert.ok(bondKinds! > 0);
  const few = compareDistributions(of(ring(7)), of(ring(7), water()), { least: 0.3 });
  assert.deepEqual(few.lengthsByKind.map(({ kind }) => kind), ["C-C"]);
  const nothing = compareDistributions(of(), of(water()));
  assert.deepEqual([nothing.bondLengths, nothing.elements, nothing.atomsPerMolecule], [null, null, null]);
});

Deno.test("Distributions survive a JSON file", () => {
  const all = of(water(), ring(4));
  assert.deepEqual(JSON.parse(JSON.stringify(all)), all);
});
