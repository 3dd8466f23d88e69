import assert from "node:assert/strict";
import { bondOrder, perceiveBonds } from "../../chem/bonds.ts";
import { CHEMISTRIES } from "../../chem/chemistry.ts";
import { methane, molecule, moved, permuted } from "./molecules.ts";

Deno.test("bond tables are symmetric, so that the order of a pair does not matter", () => {
  for (const { elements: { length: n }, lengths } of Object.values(CHEMISTRIES)) {
    for (const table of Object.values(lengths)) {
      assert.equal(table.length, n * n);
      for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) assert.equal(table[n * a + b], table[n * b + a]);
    }
  }
});

Deno.test("bondOrder() changes when a distance passes length plus margin of any pair", () => {
  for (const chemistry of Object.values(CHEMISTRIES)) {
    const { elements, lengths, margins } = chemistry;
    for (const a of elements) {
      for (const b of elements) {
        const pair = elements.length * elements.indexOf(a) + elements.indexOf(b);
        const at = (d: number) => bondOrder(a.atomicNumber, b.atomicNumber, d, chemistry);
        for (const order of [1, 2, 3] as const) {
          const length = lengths[order][pair];
          if (length === 0) continue;
          const limit = (length + margins[order]) / 100;
          assert.equal(at(limit - 1e-6), order, `${a.symbol}${b.symbol} below`);
          assert.equal(at(limit + 1e-6), order - 1, `${a.symbol}${b.symbol} above`);
        }
        if (lengths[1][pair] === 0) assert.equal(at(0.01), 0, `${a.symbol}${b.symbol} make no bond`);
      }
    }
  }
});

Deno.test("bondOrder() gives the bonds of known molecules", () => {
  assert.equal(bondOrder(6, 6, 1.535), 1); // ethane
  assert.equal(bondOrder(6, 6, 1.339), 2); // ethene
  assert.equal(bondOrder(6, 6, 1.203), 3); // ethyne
  assert.equal(bondOrder(6, 8, 1.208), 2); // formaldehyde
  assert.equal(bondOrder(7, 6, 1.153), 3); // hydrogen cyanide
  assert.equal(bondOrder(7, 9, 1.37), 1); // nitrogen trifluoride
  assert.equal(bondOrder(1, 1, 0.741), 1); // hydrogen
  assert.equal(bondOrder(1, 1, 1.78), 0); // two hydrogens of methane
  assert.equal(bondOrder(6, 6, NaN), 0);
});

Deno.test("bondOrder() throws when an element is not of H, C, N, O, F", () => {
  assert.throws(() => bondOrder(6, 17, 1.7), { name: "RangeError", message: /must be one of 1 \(H\), .*; got 17/ });
});

Deno.test("perceiveBonds() lists pairs in order when given methane", () => {
  assert.deepEqual(perceiveBonds(methane()), [1, 2, 3, 4].map((j) => ({ i: 0, j, order: 1 })));
});

Deno.test("perceiveBonds() finds the same bonds when a molecule is turned and reordered", () => {
  const order = [3, 0, 4, 2, 1];
  const expected = [0, 2, 3, 4].map((k) => ({ i: Math.min(1, k), j: Math.max(1, k), order: 1 }));
  assert.deepEqual(perceiveBonds(permuted(moved(methane()), order)), expected);
});

Deno.test("perceiveBonds() throws when positions do not match the atoms", () => {
  const wrong = { atomicNumbers: Uint8Array.of(6, 1), positions: new Float32Array(5) };
  assert.throws(() => perceiveBonds(wrong), { name: "RangeError", message: /2 atoms need 6 numbers; given are 5/ });
});

Deno.test("perceiveBonds() finds none when positions are not numbers", () => {
  assert.deepEqual(perceiveBonds(molecule(["C", NaN, 0, 0], ["C", 1, 0, 0])), []);
});
