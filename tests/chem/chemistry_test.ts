import assert from "node:assert/strict";
import { bondOrder } from "../../chem/bonds.ts";
import { CHEMISTRIES, createChemistry, DRUGLIKE, EDM, valencesOf } from "../../chem/chemistry.ts";
import { atomicNumberOf, elementIndex, labelOf, symbolOf } from "../../chem/elements.ts";

Deno.test("EDM's chemistry has the published tables for QM9", () => {
  assert.deepEqual(EDM.elements.map(({ symbol, atomicNumber }) => [symbol, atomicNumber]), [
    ["H", 1],
    ["C", 6],
    ["N", 7],
    ["O", 8],
    ["F", 9],
  ]);
  // deno-fmt-ignore
  assert.deepEqual(EDM.lengths, {
    1: [
       74, 109, 101,  96,  92,
      109, 154, 147, 143, 135,
      101, 147, 145, 140, 136,
       96, 143, 140, 148, 142,
       92, 135, 136, 142, 142,
    ],
    2: [
      0,   0,   0,   0, 0,
      0, 134, 129, 120, 0,
      0, 129, 125, 121, 0,
      0, 120, 121, 121, 0,
      0,   0,   0,   0, 0,
    ],
    3: [
      0,   0,   0,   0, 0,
      0, 120, 116, 113, 0,
      0, 116, 110,   0, 0,
      0, 113,   0,   0, 0,
      0,   0,   0,   0, 0,
    ],
  });
  assert.deepEqual(EDM.margins, { 1: 10, 2: 5, 3: 3 });
  assert.deepEqual(EDM.elements.map(({ atomicNumber }) => valencesOf(atomicNumber)), [[1], [4], [3], [2], [1]]);
});

Deno.test("valences depend on the charge, and there are none for a charge that an element has not", () => {
  assert.deepEqual(valencesOf(7, 1, DRUGLIKE), [4]);
  assert.deepEqual(valencesOf(8, -1, DRUGLIKE), [1]);
  assert.deepEqual(valencesOf(16, 0, DRUGLIKE), [2, 4, 6]);
  assert.deepEqual(valencesOf(7, 1), []);
  assert.deepEqual(valencesOf(16), []);
});

/** Pairs that a chemistry has no length for, of elements with hydrogen and with carbon. */
const LACKING: Readonly<Record<string, readonly string[]>> = {
  geom: ["H-Al", "H-Hg", "H-Bi", "C-B", "C-Al", "C-As", "C-Hg", "C-Bi"],
};

Deno.test("every element of a chemistry but those that EDM's table lacks has a bond to hydrogen and to carbon, of the length that it is perceived at", () => {
  for (const [name, chemistry] of Object.entries(CHEMISTRIES)) {
    const lacking = LACKING[name] ?? [],
      lengthTo = (other: number, own: number) =>
        chemistry.lengths[1][chemistry.elements.length * elementIndex(other, chemistry) + elementIndex(own, chemistry)];
    for (const { symbol, atomicNumber, toHydrogen: { several, lone } } of chemistry.elements) {
      const perceived = lacking.includes(`H-${symbol}`) ? 0 : 1;
      for (const length of [several, ...lone]) {
        assert.equal(bondOrder(atomicNumber, 1, length, chemistry), perceived, symbol);
      }
      assert.equal(lengthTo(1, atomicNumber) > 0, perceived === 1, symbol);
      assert.equal(lengthTo(6, atomicNumber) > 0, !lacking.includes(`C-${symbol}`), symbol);
    }
  }
});

Deno.test("elements are named in every chemistry, and refused where one lacks them", () => {
  assert.equal(symbolOf(35), "Br");
  assert.equal(labelOf(11), "#11");
  assert.equal(atomicNumberOf("Cl", DRUGLIKE), 17);
  assert.throws(() => symbolOf(11), /must be one of 1 \(H\), .* 53 \(I\), 80 \(Hg\), 83 \(Bi\); got 11/);
  assert.throws(() => atomicNumberOf("Cl"), /must be one of H, C, N, O, F; got "Cl"/);
  for (const wrong of [16, -1, 1.5, 300, NaN]) {
    assert.throws(() => elementIndex(wrong), /must be one of 1 \(H\), 6 \(C\), 7 \(N\), 8 \(O\), 9 \(F\); got/);
  }
});

Deno.test("createChemistry() refuses an element that is there twice", () => {
  const [hydrogen] = EDM.elements;
  assert.throws(
    () => createChemistry({ name: "twice", bonds: "graph", elements: [hydrogen, hydrogen] }),
    /each element is named once; got H twice/,
  );
});
