import assert from "node:assert/strict";
import { bondOrder, perceiveBonds } from "../../chem/bonds.ts";
import { EDM } from "../../chem/chemistry.ts";
import { bondWindow, elementPlaces, relax } from "../../chem/relax.ts";
import { random } from "../../model/diffusion/random.ts";
import { orthogonal } from "../properties.ts";

/** Acetamide's heavy atoms, C-C(=O)-N, in a plane. Angstrom. */
const atomicNumbers = Uint8Array.of(6, 6, 8, 7), orders = Uint8Array.of(0, 1, 0, 0, 1, 0, 2, 1, 0, 2, 0, 0, 0, 1, 0, 0);
const ideal = Float32Array.of(0, 0, 0, 1.51, 0, 0, 2.12, 1.05, 0, 2.2, -1.17, 0);

function shaken(by: number, seed = 1): Float32Array {
  const draw = random(seed);
  return ideal.map((value) => value + by * draw.normal());
}

Deno.test("bondWindow() is where bondOrder() says the order", () => {
  for (const a of EDM.elements) {
    for (const b of EDM.elements) {
      for (const order of [0, 1, 2, 3]) {
        const [i, j] = [a, b].map((element) => EDM.elements.indexOf(element)), [least, most] = bondWindow(i, j, order);
        if (least >= most) continue; // these two elements have no such bond
        for (const d of [least, Math.min(most, 9), (least + Math.min(most, 9)) / 2]) {
          assert.equal(bondOrder(a.atomicNumber, b.atomicNumber, d), order, `${a.symbol}${b.symbol} ${order} at ${d}`);
        }
      }
    }
  }
});

Deno.test("relax() leaves positions alone when they agree with the bonds", () => {
  const positions = ideal.slice();
  assert.ok(relax(positions, elementPlaces(atomicNumbers), orders));
  assert.deepEqual(positions, ideal);
});

Deno.test("relax() leaves held atoms, whatever their distances, and moves the others to them", () => {
  for (let seed = 0; seed < 20; seed++) {
    const before = shaken(0.15, seed),
      positions = before.slice(),
      bonds = [{ i: 0, j: 1, order: 1 }, { i: 1, j: 2, order: 2 }] as const;
    assert.ok(relax(positions, elementPlaces(atomicNumbers), orders, { held: 3 }), `seed ${seed}`);
    assert.deepEqual(positions.subarray(0, 9), before.subarray(0, 9));
    const fixed = { positions: before.slice(0, 9), bonds };
    assert.deepEqual(perceiveBonds({ atomicNumbers, positions, fixed }), [...bonds, { i: 1, j: 3, order: 1 }]);
  }
});

Deno.test("relax() moves atoms until the bonds perceived are those asked, and little", () => {
  for (let seed = 0; seed < 20; seed++) {
    const before = shaken(0.15, seed), positions = before.slice();
    assert.ok(relax(positions, elementPlaces(atomicNumbers), orders), `seed ${seed}`);
    assert.deepEqual(perceiveBonds({ atomicNumbers, positions }), [
      { i: 0, j: 1, order: 1 },
      { i: 1, j: 2, order: 2 },
      { i: 1, j: 3, order: 1 },
    ]);
    const moved = Math.max(...positions.map((x, k) => Math.abs(x - before[k])));
    assert.ok(moved < 0.6, `seed ${seed} moved ${moved}`);
  }
});

Deno.test("relax() keeps the centre, and turns with the molecule", () => {
  const before = shaken(0.15), positions = before.slice(), matrix = orthogonal(3);
  const turn = (x: Float32Array) =>
    x.map((_, k) => [0, 1, 2].reduce((sum, c) => sum + matrix[3 * (k % 3) + c] * x[k - k % 3 + c], 0));
  const turned = turn(before);
  relax(positions, elementPlaces(atomicNumbers), orders);
  relax(turned, elementPlaces(atomicNumbers), orders);
  const centre = (x: Float32Array) =>
    [0, 1, 2].map((axis) => x.filter((_, k) => k % 3 === axis).reduce((a, b) => a + b));
  centre(before).forEach((sum, axis) => assert.ok(Math.abs(sum - centre(positions)[axis]) < 1e-5));
  turn(positions).forEach((value, k) => assert.ok(Math.abs(value - turned[k]) < 1e-4));
});

Deno.test("relax() says so when no positions can agree", () => {
  // Eight carbon atoms cannot all be within a bond of each other and at least 1.39 angstrom apart.
  const n = 8, all = new Uint8Array(n * n).fill(1), draw = random(2);
  for (let i = 0; i < n; i++) all[i * n + i] = 0;
  const positions = Float32Array.from({ length: 3 * n }, () => draw.normal());
  assert.equal(relax(positions, new Uint8Array(n).fill(1), all, { sweeps: 50 }), false);
  assert.ok(positions.every(Number.isFinite));
});
