import assert from "node:assert/strict";
import { addedHydrogens } from "../../chem/added_hydrogens.ts";
import { bondsOf } from "../../chem/bonds.ts";
import { CHEMISTRIES } from "../../chem/chemistry.ts";
import type { Bond, Molecule } from "../../chem/molecule.ts";
import { findQm9, openQm9 } from "../../chem/qm9.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { molblock } from "../../chem/sdf.ts";
import { createValidator } from "../../chem/validator.ts";
import { molecule } from "./molecules.ts";

const rdkit = await createRdkit(), validate = createValidator(rdkit);

/** Atoms of a SMILES, hydrogens included, as RDKit counts them. */
const atomsOf = (smiles: string): number =>
  rdkit.withMol(smiles, (mol) => {
    mol.add_hs_in_place();
    return JSON.parse(mol.get_json()).molecules[0].atoms.length;
  })!;

/** A graph that carries its bonds and charges. */
function graph(
  atomicNumbers: number[],
  bonds: [number, number, Bond["order"]][],
  charges: number[],
): [Molecule, Bond[]] {
  const told = bonds.map(([i, j, order]) => ({ i, j, order }));
  const positions = new Float32Array(3 * atomicNumbers.length);
  return [
    { atomicNumbers: Uint8Array.from(atomicNumbers), positions, bonds: told, charges: Int8Array.from(charges) },
    told,
  ];
}

Deno.test("addedHydrogens() fills atoms up to the least valence that bears their bonds, charges and all", () => {
  // C-O without a hydrogen: methanol's four.
  assert.equal(addedHydrogens(...graph([6, 8], [[0, 1, 1]], [0, 0])), 4);
  assert.equal(addedHydrogens(...graph([6, 8], [[0, 1, 1]], [0, -1])), 3);
  // Ammonium of two hydrogens, sulfur of three bonds.
  assert.equal(addedHydrogens(...graph([7, 1, 1], [[0, 1, 1], [0, 2, 1]], [1, 0, 0])), 2);
  assert.equal(addedHydrogens(...graph([16, 8, 1], [[0, 1, 2], [0, 2, 1]], [0, 0, 0])), 1);
  assert.equal(addedHydrogens(...graph([1, 1, 1], [[0, 1, 1], [0, 2, 1]], [0, 0, 0])), Infinity);
});

Deno.test("addedHydrogens() is what RDKit adds to lone atoms and hydrides of every chemistry's elements", () => {
  for (
    const atomicNumber of new Set(
      Object.values(CHEMISTRIES).flatMap(({ elements }) => elements.map((one) => one.atomicNumber)),
    )
  ) {
    for (let hydrogens = 0; hydrogens <= 6; hydrogens++) {
      const bonds = Array.from({ length: hydrogens }, (_, k): [number, number, 1] => [0, k + 1, 1]);
      const [hydride, told] = graph([atomicNumber, ...bonds.map(() => 1)], bonds, new Array(hydrogens + 1).fill(0));
      hydride.positions.forEach((_, k, all) => all[k] = k % 3 === 0 ? k / 3 : 0); // RDKit reads no stereo from atoms in one place
      const smiles = rdkit.withMol(molblock(hydride, told), (mol) => mol.get_smiles(), { removeHs: false });
      const read = smiles === null ? Infinity : atomsOf(smiles) - hydride.atomicNumbers.length;
      assert.equal(addedHydrogens(hydride, told), read, `${atomicNumber} with ${hydrogens}`);
    }
  }
});

Deno.test("addedHydrogens() takes nitrogen with five bonds for the nitro group that it is", () => {
  const nitric = { atomicNumbers: Uint8Array.of(7, 8, 8, 8, 1), positions: new Float32Array(15) };
  const bonds: Bond[] = [{ i: 0, j: 1, order: 2 }, { i: 0, j: 2, order: 2 }, { i: 0, j: 3, order: 1 }];
  assert.equal(addedHydrogens(nitric, [...bonds, { i: 3, j: 4, order: 1 }]), 0);
  assert.equal(addedHydrogens(nitric, bonds), 2, "where that bond is gone, one at the oxygen and one at the hydrogen");
});

Deno.test("createValidator() says how many hydrogens the SMILES has beside the atoms, and nothing where it has none", () => {
  const hydroxyl = validate(molecule(["O", 0, 0, 0], ["H", 0.96, 0, 0]));
  assert.deepEqual([hydroxyl.valid, hydroxyl.smiles, hydroxyl.addedHydrogens], [true, "O", 1]);
  const apart = validate(molecule(["O", 0, 0, 0], ["H", 5, 0, 0]));
  assert.deepEqual([apart.smiles, apart.addedHydrogens], ["O.[HH]", 3]);
  const water = validate(molecule(["O", 0, 0, 0], ["H", 0.96, 0, 0], ["H", -0.24, 0.93, 0]));
  assert.deepEqual([water.smiles, "addedHydrogens" in water], ["O", false]);
  const broken = validate(molecule(["H", 0, 0, 0], ["H", 0.74, 0, 0], ["H", -0.74, 0, 0]));
  assert.deepEqual([broken.valid, "addedHydrogens" in broken], [false, false]);
});

const folder = await findQm9().catch(() => undefined);

Deno.test({
  name: "addedHydrogens() is what RDKit adds to QM9's molecules, those whose lengths EDM's table misreads among them",
  ignore: !folder,
  async fn() {
    const data = await openQm9(folder!);
    let more = 0;
    for (const row of data.split.valid.subarray(0, 1500)) {
      const one = data.molecule(row), { smiles, bonds, addedHydrogens: told = 0 } = validate(one, { inchikey: false });
      assert.deepEqual(bonds, bondsOf(one));
      if (smiles === null) continue;
      assert.equal(told, atomsOf(smiles) - one.atomicNumbers.length, smiles);
      if (told > 0) more++;
    }
    assert.ok(more > 10, `${more}`);
  },
});
