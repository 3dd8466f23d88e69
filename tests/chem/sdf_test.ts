import assert from "node:assert/strict";
import { perceiveBonds } from "../../chem/bonds.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { molblock, readMolblock, readSdf, sdfRecord } from "../../chem/sdf.ts";
import { DRUGLIKE } from "../../chem/chemistry.ts";
import { druglike } from "./druglike.ts";
import { chiral, methane, molecule } from "./molecules.ts";

Deno.test("molblock() keeps V2000's columns when given formyl fluoride's atoms", () => {
  const found = molecule(["C", 0, 0, 0], ["O", 1.2, 0, 0], ["F", -0.6512, -10.25, 123.5]);
  const text = molblock(found, [{ i: 0, j: 1, order: 2 }], "a title");
  assert.equal(
    text,
    [
      "a title",
      "  Molstep           3D",
      "",
      "  3  1  0  0  0  0  0  0  0  0999 V2000",
      "    0.0000    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0",
      "    1.2000    0.0000    0.0000 O   0  0  0  0  0  0  0  0  0  0  0  0",
      "   -0.6512  -10.2500  123.5000 F   0  0  0  0  0  0  0  0  0  0  0  0",
      "  1  2  2  0",
      "M  END",
      "",
    ].join("\n"),
  );
});

Deno.test("readSdf() returns what sdfRecord() wrote when there are several records", () => {
  const molecules = [methane(), chiral()];
  const text = molecules.map((each, k) => {
    return sdfRecord(molblock(each, perceiveBonds(each), `m${k}`), {
      index: k,
      SMILES: "C>C",
      note: "two\nlines",
      empty: "",
    });
  }).join("");
  for (const form of [text, text.replaceAll("\n", "\r\n")]) {
    const records = readSdf(form);
    assert.equal(records.length, 2);
    records.forEach((record, k) => {
      assert.equal(record.title, `m${k}`);
      assert.deepEqual(record.molecule.atomicNumbers, molecules[k].atomicNumbers);
      record.molecule.positions.forEach((value, i) => assert.ok(Math.abs(value - molecules[k].positions[i]) < 5.1e-5));
      assert.deepEqual(record.bonds, perceiveBonds(molecules[k]));
      assert.deepEqual(record.data, { index: String(k), SMILES: "C>C", note: "two\nlines", empty: "" });
    });
  }
  assert.deepEqual(readSdf(""), []);
});

Deno.test("RDKit.js reads the same molecule when given a molblock of ours", async () => {
  const rdkit = await createRdkit(), found = chiral();
  const [atoms, bonds, dimensions] = rdkit.withMol(
    molblock(found, perceiveBonds(found)),
    (mol) => [mol.get_num_atoms(), mol.get_num_bonds(), mol.has_coords()],
    { removeHs: false },
  )!;
  assert.deepEqual([atoms, bonds, dimensions], [8, 7, 3]);
});

Deno.test("readMolblock() names the line when text is not V2000", () => {
  const text = molblock(methane(), perceiveBonds(methane()));
  const without = (line: number, replacement: string) => text.split("\n").with(line, replacement).join("\n");
  assert.throws(() => readMolblock("nothing"), { name: "SyntaxError", message: /line 4/ });
  assert.throws(() => readMolblock(without(5, "    0.1 H")), { name: "SyntaxError", message: /line 6/ });
  assert.throws(() => readMolblock(without(4, text.split("\n")[4].replace(" C ", " Xx"))), /line 5.*"Xx"/);
  assert.throws(() => readMolblock(without(9, "  1  9  1  0")), /line 10.*two of 5 atoms/);
  assert.throws(() => readMolblock(without(9, "  1  2  4  0")), /line 10.*order 1, 2 or 3/);
  assert.throws(() => readMolblock(without(13, "")), /expected M {2}END; got the end/);
});

Deno.test("readSdf() names the record when one is cut off or broken", () => {
  const good = sdfRecord(molblock(methane(), perceiveBonds(methane())));
  assert.throws(() => readSdf(good + good.slice(0, 200)), { name: "SyntaxError", message: /record 2 does not end/ });
  assert.throws(() => readSdf(good + good.replace("V2000", "V3000")), {
    name: "SyntaxError",
    message: /record 2.*V2000/,
  });
});

Deno.test("molblock() throws when V2000 cannot hold the molecule", () => {
  assert.throws(() => molblock(molecule(["C", NaN, 0, 0]), []), { name: "RangeError", message: /NaN/ });
  assert.throws(() => molblock(molecule(["C", 1e5, 0, 0]), []), { name: "RangeError", message: /100000/ });
  const many = { atomicNumbers: new Uint8Array(1000).fill(1), positions: new Float32Array(3000) };
  assert.throws(() => molblock(many, []), { name: "RangeError", message: /got 1000/ });
  assert.throws(() => molblock(methane(), [], "a\nb"), { name: "RangeError", message: /one line/ });
});

Deno.test("sdfRecord() throws when a data field would break the record", () => {
  assert.throws(() => sdfRecord("", { "a>b": 1 }), { name: "RangeError", message: /"a>b"/ });
  assert.throws(() => sdfRecord("", { a: "x\n\ny" }), RangeError);
  assert.throws(() => sdfRecord("", { a: "$$$$" }), RangeError);
});

Deno.test("readMolblock() returns the charges that molblock() wrote, eight atoms a line", () => {
  const n = 19, charges = Int8Array.from({ length: n }, (_, i) => i % 3 - 1);
  const each = { atomicNumbers: new Uint8Array(n).fill(7), positions: new Float32Array(3 * n), charges };
  const text = molblock(each, []), lines = text.split("\n").filter((line) => line.startsWith("M  CHG"));
  assert.deepEqual(lines.map((line) => line.slice(6, 9)), ["  8", "  5"]);
  assert.equal(lines[0].slice(0, 25), "M  CHG  8   1  -1   3   1");
  assert.deepEqual(readMolblock(text).molecule.charges, charges);
  assert.equal(readMolblock(molblock({ ...each, charges: new Int8Array(n) }, [])).molecule.charges, undefined);
  for (const wrong of ["  2   1  -1", "  1  20   1", "  1   1   x"]) {
    const damaged = text.replace(/^M {2}CHG.*$/m, `M  CHG${wrong}`);
    assert.throws(() => readMolblock(damaged), /line 24: expected (pairs of an atom and its charge|charges of atoms)/);
  }
});

Deno.test("RDKit reads the graphs of drug-like molecules as their SMILES say", async () => {
  const rdkit = await createRdkit(), flat = JSON.stringify({ doIsomericSmiles: false });
  for (const { molecule, smiles } of druglike()) {
    const text = molblock(molecule, molecule.bonds!), expected = rdkit.withMol(smiles, (mol) => mol.get_smiles(flat));
    const found = rdkit.withMol(text, (mol) => (mol.remove_hs_in_place(), mol.get_smiles(flat)));
    assert.equal(found, expected);
    const read = readMolblock(text, DRUGLIKE);
    assert.deepEqual([read.bonds, read.molecule.charges], [molecule.bonds, molecule.charges]);
    assert.throws(() => readMolblock(text), /the element must be one of H, C, N, O, F; got "/);
  }
});
