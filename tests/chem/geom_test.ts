/** GEOM-Drugs: EDM's own rule of bonds and stability (`model/models/import/geom/make.py` beside the tests), and molecules of its elements. */
import assert from "node:assert/strict";
import { bondOrder, bondsOf } from "../../chem/bonds.ts";
import { GEOM } from "../../chem/chemistry.ts";
import { atomicNumberOf } from "../../chem/elements.ts";
import type { Molecule } from "../../chem/molecule.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { readMolblock } from "../../chem/sdf.ts";
import { stability } from "../../chem/stability.ts";
import { withRefinement } from "../../chem/refinement/refining.ts";
import { createValidator } from "../../chem/validator.ts";
import { readXyz, xyz } from "../../chem/xyz.ts";
import { openRefiner } from "../../model/generation/refiner.ts";

interface Made {
  readonly smiles: string;
  readonly elements: string[];
  readonly positions: number[];
  readonly stable: boolean;
  readonly stableAtoms: number;
}

/** What EDM's code says: the orders of each pair at distances in angstrom, a digit each, and made-up molecules. */
const theirs: { first: number; step: number; orders: Record<string, string>; molecules: Made[] } = JSON.parse(
  Deno.readTextFileSync(new URL("../model/models/import/geom/edm/stability.json", import.meta.url)),
);

const moleculeOf = ({ elements, positions }: Made): Molecule => ({
  atomicNumbers: Uint8Array.from(elements, (symbol) => atomicNumberOf(symbol, GEOM)),
  positions: Float32Array.from(positions),
});

Deno.test("GEOM has the elements and valences of EDM's table", () => {
  assert.equal(GEOM.elements.map(({ symbol }) => symbol).join(" "), "H B C N O F Al Si P S Cl As Br I Hg Bi");
  assert.deepEqual(
    GEOM.elements.map(({ valences }) => valences[0].join("/")),
    ["1", "3", "4", "3", "2", "1", "3", "4", "3/5", "4", "1", "3", "1", "1", "1/2", "3/5"],
  );
});

Deno.test("bondOrder() of all pairs of GEOM's elements is that of EDM's geom_predictor at all distances", () => {
  const pairs = Object.entries(theirs.orders), symbols = GEOM.elements.map(({ symbol }) => symbol);
  assert.equal(pairs.length, symbols.length * (symbols.length + 1) / 2);
  for (const [pair, orders] of pairs) {
    const [a, b] = pair.split("-").map((symbol) => atomicNumberOf(symbol, GEOM));
    const own = Array.from(orders, (_, k) => bondOrder(b, a, theirs.first + theirs.step * k, GEOM)).join("");
    assert.equal(own, orders, pair);
  }
});

Deno.test("stability() of molecules of GEOM's elements is that of EDM's check_stability", () => {
  assert.ok(theirs.molecules.length >= 20);
  for (const made of theirs.molecules) {
    const molecule = moleculeOf(made), { stable, stableAtoms } = made;
    const found = stability(molecule, bondsOf(molecule, GEOM), GEOM);
    assert.deepEqual(found, { stable, stableAtoms, atoms: made.elements.length }, made.smiles);
  }
});

Deno.test("molecules of GEOM's elements are judged, refined or said not to be, and come back from their files", async () => {
  const refining = withRefinement(createValidator(await createRdkit()), { open: openRefiner });
  const asked = { descriptors: true, molblock: true, judge: true, chemistry: "geom", refine: "mmff94" } as const;
  const outcomes = new Map<string, string[]>();
  for (const made of theirs.molecules) {
    const molecule = moleculeOf(made), found = await refining(molecule, asked), { refinement, molblock, bonds } = found;
    assert.equal(found.descriptors !== undefined, found.valid, made.smiles);
    const again = readMolblock(molblock!, GEOM);
    assert.deepEqual([again.molecule.atomicNumbers, again.bonds], [molecule.atomicNumbers, bonds]);
    assert.deepEqual(readXyz(xyz(molecule), GEOM)[0].molecule.atomicNumbers, molecule.atomicNumbers);
    const outcome = refinement!.refined ? "refined" : refinement!.reason;
    outcomes.set(outcome, [...outcomes.get(outcome) ?? [], made.smiles]);
    if (outcome === "refined") assert.equal(found.addedHydrogens, undefined, made.smiles);
  }
  assert.deepEqual(Object.fromEntries(outcomes), {
    refined: [
      ...["C", "CSC", "S=C=S", "C[Si](C)(C)O", "CP(=O)(O)O", "PC", "FC(F)(F)C#N", "Br[SiH2]I", "BrC(Cl)=O", "CSS"],
    ],
    // MMFF94 has no type for B, Al, As, Hg and Bi; of the sulfonamide a distance is too long for a double bond.
    types: ["CS(=O)(=O)N", "OB(O)C", "FB(F)F", "ClB(Cl)Cl", "[AsH3]", "C[Hg]C", "C[Bi](C)C", "[AlH3]"],
    invalid: ["Clc1ccc(Br)cc1I", "C[N+](=O)[O-]"],
  });
});
