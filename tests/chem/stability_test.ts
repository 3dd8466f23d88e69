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
  const carbonDioxide = (length: number) => molecule(["O", -length, 0, 0], ["C", 0, 0, 0], ["O", length, 0, 0]);
  assert.deepEqual(stability(carbonDioxide(1.17)), { stable: true, stableAtoms: 3, atoms: 3 });
  // Below 1.16 angstrom EDM takes C-O for triple: carbon would have six.
  assert.deepEqual(stability(carbonDioxide(1.15)), { stable: false, stableAtoms: 0, atoms: 3 });
});

Deno.test("stability() is false when there are no atoms", () => {
  assert.deepEqual(stability(molecule()), { stable: false, stableAtoms: 0, atoms: 0 });
});
