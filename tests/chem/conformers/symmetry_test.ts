import assert from "node:assert/strict";
import { AUTOMORPHISMS_MAX, symmetricRmsd, symmetryOf } from "../../../chem/conformers/symmetry.ts";
import { superposedRmsd } from "../../../chem/refinement/rmsd.ts";
import { graphOf } from "./tools.ts";

Deno.test("symmetryOf() finds each automorphism once, whichever Kekule form or oxygen has the double bond", () => {
  const orders = {
    "CC(C)(C)C": 24, // neopentane: the permutations of four methyls
    "Cc1ccc(C)cc1": 4, // para-xylene
    "c1ccccc1": 12,
    "CC(=O)[O-]": 2,
    "C[N+](=O)[O-]": 2,
    "CC(=O)O": 1,
    "CCO": 1,
    "O": 1,
    "[H][H]": 2,
    "FC(F)(F)C(F)(F)F": 72,
  };
  for (const [smiles, order] of Object.entries(orders)) {
    const { permutations, complete } = symmetryOf(graphOf(smiles));
    assert.equal(new Set(permutations.map(String)).size, order, smiles);
    assert.equal(complete, true);
  }
});

Deno.test("symmetryOf() stops at its limit, and says so", () => {
  const { permutations, complete } = symmetryOf(graphOf("FC(F)(F)C(C(F)(F)F)(C(F)(F)F)C(F)(F)F"));
  assert.deepEqual([permutations.length, complete], [AUTOMORPHISMS_MAX, false]);
});

Deno.test("symmetricRmsd() is nought of a molecule whose like atoms have been exchanged and that is turned, where the plain distance is not", () => {
  // Neopentane's carbons, on a cube's corners about the second one; nobody looks at its hydrogens.
  const carbons = [[1, 1, 1], [0, 0, 0], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]].flat().map((one) => 0.88 * one);
  const symmetry = symmetryOf(graphOf("CC(C)(C)C")), x = Float64Array.from({ length: 51 }, (_, k) => carbons[k] ?? 9);
  // Two pairs of methyls exchange their carbons, and all is turned by 90 degrees about z.
  const order = [2, 1, 0, 4, 3],
    y = Float64Array.from({ length: 51 }, (_, k) => {
      const atom = order[Math.floor(k / 3)];
      return atom === undefined ? 7 : [-x[3 * atom + 1], x[3 * atom], x[3 * atom + 2]][k % 3];
    });
  assert.ok(
    superposedRmsd(x.slice(0, 15), [y[6], y[7], y[8], ...y.slice(3, 6), ...y.slice(0, 3), ...y.slice(9, 15)]) > 0.5,
  );
  assert.ok(symmetricRmsd(symmetry, x, y) < 1e-6);
  assert.ok(symmetricRmsd(symmetry, x, x.map((one) => 1.5 * one)) > 0.5);
});
