/** All fields of all reference molecules, against EDM's own code and RDKit. */
import assert from "node:assert/strict";
import { createRdkit } from "../../chem/rdkit.ts";
import { stability } from "../../chem/stability.ts";
import { validity } from "../../chem/validity.ts";
import { moved, permuted, readReferences } from "./molecules.ts";

const references = readReferences();
const ignore = references === undefined;

Deno.test("stability() agrees with EDM's check_stability when given 700 molecules", { ignore }, () => {
  assert.equal(references!.length, 700);
  references!.forEach(({ molecule, stable, stableAtoms }, k) => {
    const found = stability(molecule);
    assert.deepEqual(found, { stable, stableAtoms, atoms: molecule.atomicNumbers.length }, `molecule ${k}`);
  });
});

Deno.test("validity() agrees with EDM's metrics when given 700 molecules", { ignore }, async () => {
  const rdkit = await createRdkit();
  references!.forEach(({ molecule, valid, fragments, smiles }, k) => {
    // Strings are compared as they are: RDKit.js and RDKit write all 700 alike.
    assert.deepEqual(validity(rdkit, molecule), { valid, fragments, edmSmiles: smiles }, `molecule ${k}`);
  });
});

Deno.test("stability() and validity() stay when a molecule is turned, shifted and reordered", { ignore }, async () => {
  const rdkit = await createRdkit();
  references!.filter((_, k) => k % 10 === 0).forEach(
    ({ molecule, stable, stableAtoms, valid, fragments, smiles }, k) => {
      const n = molecule.atomicNumbers.length, stride = [1, 2, 3, 5, 7].findLast((s) => n % s !== 0) ?? 1;
      const other = permuted(moved(molecule), Array.from({ length: n }, (_, i) => (i * stride) % n).reverse());
      assert.deepEqual(stability(other), { stable, stableAtoms, atoms: n }, `molecule ${10 * k}`);
      const found = validity(rdkit, other);
      assert.deepEqual([found.valid, found.fragments], [valid, fragments], `molecule ${10 * k}`);
      // Of several fragments of one size the first counts, and which is first may change.
      if (fragments === 1) assert.equal(found.edmSmiles, smiles, `molecule ${10 * k}`);
    },
  );
});
