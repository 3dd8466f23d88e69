import assert from "node:assert/strict";
import { fragments, largest, submolecule } from "../../chem/fragments.ts";
import type { Bond } from "../../chem/molecule.ts";
import { molecule } from "./molecules.ts";

const bond = (i: number, j: number): Bond => ({ i, j, order: 1 });

Deno.test("fragments() follows chains of bonds whatever their order", () => {
  assert.deepEqual(fragments(7, [bond(5, 6), bond(0, 6), bond(2, 3), bond(1, 3)]), [[0, 5, 6], [1, 2, 3], [4]]);
  assert.deepEqual(fragments(3, []), [[0], [1], [2]]);
  assert.deepEqual(fragments(0, []), []);
});

Deno.test("largest() takes the first when two are of one size", () => {
  assert.deepEqual(largest([[0], [1, 3], [2, 4]]), [1, 3]);
});

Deno.test("submolecule() renumbers atoms and bonds", () => {
  const whole = molecule(["C", 0, 0, 0], ["N", 1, 0, 0], ["O", 2, 0, 0], ["F", 3, 0, 0]);
  const piece = submolecule(whole, [bond(0, 1), bond(1, 3), bond(2, 3)], [3, 1]);
  assert.deepEqual(piece.molecule, molecule(["F", 3, 0, 0], ["N", 1, 0, 0]));
  assert.deepEqual(piece.bonds, [{ i: 0, j: 1, order: 1 }]);
});
