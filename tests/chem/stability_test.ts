import assert from "node:assert/strict";
import { stability } from "../../chem/stability.ts";
import { methane, molecule } from "./molecules.ts";

Deno.test("stability() counts all atoms when given methane", () => {
  assert.deepEqual(stability(methane()), { stable: true, stableAtoms: 5, atoms: 5 });
});

Deno.test("stability() counts the carbon and one hydrogen out when a bond is torn", () => {
  const torn = methane();
  torn.positions.set([5, 5, 5], 3);
  assert.deepEqual(stability(torn), { stable: false, stableAtoms: 3, atoms: 5 });
});

Deno.test("stability() adds orders when bonds are double", () => {
  const carbonDioxide = molecule(["O", -1.16, 0, 0], ["C", 0, 0, 0], ["O", 1.16, 0, 0]);
  // C=O of 1.16 angstrom is within EDM's limit of a triple bond, 1.16: not below it, so double.
  assert.equal(stability(molecule(["O", -1.17, 0, 0], ["C", 0, 0, 0], ["O", 1.17, 0, 0])).stable, true);
  assert.equal(stability(carbonDioxide).atoms, 3);
});

Deno.test("stability() is false when there are no atoms", () => {
  assert.deepEqual(stability(molecule()), { stable: false, stableAtoms: 0, atoms: 0 });
});
