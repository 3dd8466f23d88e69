import assert from "node:assert/strict";
import { createRdkit } from "../../chem/rdkit.ts";
import { readMolblock } from "../../chem/sdf.ts";
import { createValidator } from "../../chem/validator.ts";
import { druglike } from "./druglike.ts";
import { chiral, ethane, joined, methane, molecule, moved, permuted, readReferences } from "./molecules.ts";

const references = readReferences();
const validator = async () => createValidator(await createRdkit());

Deno.test("validate() tells all when given methane", async () => {
  const validate = await validator();
  const { bonds, descriptors, molblock, ...rest } = validate(methane(), {
    descriptors: true,
    molblock: true,
    title: "m",
  });
  assert.deepEqual(rest, {
    valid: true,
    stable: true,
    stableAtoms: 5,
    atoms: 5,
    connected: true,
    fragments: 1,
    smiles: "C",
    edmSmiles: "[H]C([H])([H])[H]",
    inchikey: "VNWKTOKETHGBQD-UHFFFAOYSA-N",
  });
  assert.equal(bonds.length, 4);
  assert.ok(Math.abs(descriptors!.molecularWeight - 16.043) < 1e-3);
  assert.equal(readMolblock(molblock!).title, "m");
});

Deno.test("validate() leaves out what was not asked for", async () => {
  const found = (await validator())(methane(), { inchikey: false });
  assert.equal(found.inchikey, null);
  assert.ok(!("descriptors" in found) && !("molblock" in found));
});

Deno.test("validate() tells mirror images apart in smiles and inchikey, not in edmSmiles", async () => {
  const validate = await validator(), left = validate(chiral()), right = validate(chiral(true));
  assert.match(left.smiles!, /^(N\[C@@?H\]\(O\)F)$/);
  assert.notEqual(left.smiles, right.smiles);
  assert.notEqual(left.inchikey, right.inchikey);
  assert.equal(left.inchikey!.slice(0, 14), right.inchikey!.slice(0, 14));
  assert.equal(left.edmSmiles, right.edmSmiles);
});

Deno.test("validate() says the same when a molecule is turned and reordered", async () => {
  const validate = await validator();
  const { bonds: _a, ...expected } = validate(chiral(), { descriptors: true });
  const { bonds: _b, ...found } = validate(permuted(moved(chiral()), [7, 3, 5, 1, 0, 2, 6, 4]), { descriptors: true });
  const close = (a: number, b: number) => Math.abs(a - b) < 1e-9;
  for (const [name, value] of Object.entries(expected.descriptors!)) {
    assert.ok(close(value, found.descriptors![name as "logP"]), name);
  }
  assert.deepEqual({ ...found, descriptors: null }, { ...expected, descriptors: null });
});

Deno.test("validate() describes all fragments in smiles and the largest in edmSmiles when torn", async () => {
  const found = (await validator())(joined(methane(), chiral(), 20));
  assert.deepEqual([found.valid, found.connected, found.fragments], [true, false, 2]);
  assert.deepEqual(found.smiles!.split(".").map((part) => part.replaceAll("@", "")).sort(), ["C", "N[CH](O)F"]);
  assert.match(found.edmSmiles!, /F/);
});

Deno.test("validate() keeps lone hydrogens and the stereo of an imine in smiles", async () => {
  const validate = await validator();
  // The hydrogen on nitrogen stands above or below the double bond's axis, fluorine below it.
  const imine = (y: number) =>
    molecule(["C", 0, 0, 0], ["N", 1.27, 0, 0], ["H", 1.6, y, 0], ["H", -0.55, 0.94, 0], ["F", -0.68, -1.17, 0]);
  assert.equal(validate(imine(0.95)).smiles, "[H]/N=C/F");
  assert.equal(validate(imine(-0.95)).smiles, "[H]/N=C\\F");
  const torn = validate(joined(imine(0.95), molecule(["H", 0, 0, 0]), 20));
  assert.deepEqual(torn.smiles!.split(".").sort(), ["[HH]", "[H]/N=C/F"].sort());
});

Deno.test("validate() is valid and not stable when an atom lacks a bond", async () => {
  const whole = methane(), validate = await validator();
  const methyl = { atomicNumbers: whole.atomicNumbers.slice(0, 4), positions: whole.positions.slice(0, 12) };
  const found = validate(methyl);
  assert.deepEqual([found.valid, found.stable, found.stableAtoms], [true, false, 3]);
  assert.deepEqual([found.smiles, found.edmSmiles], ["C", "[H]C([H])[H]"]);
});

Deno.test("validate() is not valid and keeps bonds and molblock when an atom has too many bonds", async () => {
  const crowded = molecule(["O", 0, 0, 0], ["H", 0.9, 0, 0], ["H", -0.9, 0, 0], ["H", 0, 0.9, 0]);
  const found = (await validator())(crowded, { descriptors: true, molblock: true });
  assert.deepEqual([found.valid, found.connected, found.fragments, found.smiles, found.inchikey], [
    false,
    false,
    0,
    null,
    null,
  ]);
  assert.equal(found.bonds.length, 3);
  assert.equal(found.descriptors, undefined);
  assert.deepEqual(readMolblock(found.molblock!).bonds, found.bonds);
});

Deno.test("validate() is not valid when a position is not a number or there are no atoms", async () => {
  const validate = await validator();
  for (const each of [molecule(["C", NaN, 0, 0]), molecule(["C", Infinity, 0, 0]), molecule()]) {
    const found = validate(each, { molblock: true });
    assert.deepEqual([found.valid, found.stable, found.smiles], [false, false, null]);
  }
});

Deno.test("validate() gives descriptors of the molecule without its hydrogens", async () => {
  const validate = await validator(), { descriptors } = validate(chiral(), { descriptors: true });
  assert.equal(descriptors!.heavyAtoms, 4);
  assert.equal(descriptors!.hydrogenBondDonors, 2);
  assert.equal(descriptors!.stereocentres, 1);
  for (const [name, value] of Object.entries(descriptors!)) assert.ok(Number.isFinite(value), name);
  // Methyl groups are no rotors, though they would be with explicit hydrogens.
  const found = validate(ethane(), { descriptors: true });
  assert.deepEqual([found.smiles, found.stable, found.descriptors!.rotatableBonds], ["CC", true, 0]);
});

Deno.test("validate() gives a SMILES that RDKit reads as the same molecule", { ignore: !references }, async () => {
  const rdkit = await createRdkit(), validate = createValidator(rdkit);
  let seen = 0;
  references!.forEach(({ molecule: each, valid }, k) => {
    if (!valid || k % 5 !== 0) return;
    const { smiles, inchikey } = validate(each);
    const [again, key] = rdkit.withMol(smiles!, (mol) => [mol.get_smiles(), rdkit.inchikey(mol.get_inchi())])!;
    assert.equal(again, smiles, `molecule ${k}`);
    // The first block is the skeleton; in 3D InChI also sees stereo at nitrogen, which SMILES leaves out.
    assert.equal(key.slice(0, 14), inchikey!.slice(0, 14), `molecule ${k}, ${smiles}`);
    seen++;
  });
  assert.ok(seen > 50);
});

Deno.test("validate() judges a molecule that carries bonds and charges by those, and perceives none", async () => {
  const validate = await validator();
  for (const { molecule: each } of druglike()) {
    const found = validate(each, { chemistry: "druglike", molblock: true });
    assert.ok(found.valid && found.stable && found.connected);
    assert.equal(found.bonds, each.bonds);
    assert.equal(found.molblock!.includes("M  CHG"), each.charges !== undefined);
    // A bond more than sulfur, phosphorus or a halogen bears.
    const heavy = each.atomicNumbers.findIndex((z) => z > 9),
      [one] = each.bonds!.filter(({ i, j }) => i === heavy || j === heavy);
    const more = each.bonds!.map((bond) => bond === one ? { ...bond, order: 3 as const } : bond);
    const broken = validate({ ...each, bonds: more }, { chemistry: "druglike" });
    assert.ok(!broken.valid && !broken.stable);
  }
  // Ammonium: a charge that is known is counted, one that is not makes it unsound.
  const { positions } = methane(), atomicNumbers = Uint8Array.of(7, 1, 1, 1, 1);
  const bonds = [1, 2, 3, 4].map((j) => ({ i: 0, j, order: 1 as const })), charges = Int8Array.of(1, 0, 0, 0, 0);
  const ammonium = { atomicNumbers, positions, bonds };
  assert.equal(validate({ ...ammonium, charges }, { chemistry: "druglike" }).smiles, "[NH4+]");
  assert.ok(validate({ ...ammonium, charges }, { chemistry: "druglike" }).stable);
  const neutral = validate(ammonium, { chemistry: "druglike" });
  assert.ok(!neutral.valid && !neutral.stable);
});
