import assert from "node:assert/strict";
import { readXyz, xyz } from "../../chem/xyz.ts";
import { chiral, methane, molecule } from "./molecules.ts";

Deno.test("xyz() writes count, comment and atoms", () => {
  const text = xyz(molecule(["O", 0, 0, 0.5], ["H", -0.25, 10.125, 0]), "half a water");
  assert.deepEqual(text.split("\n"), [
    "2",
    "half a water",
    "O       0.000000      0.000000      0.500000",
    "H      -0.250000     10.125000      0.000000",
    "",
  ]);
});

Deno.test("readXyz() returns what xyz() wrote when frames are strung together", () => {
  const molecules = [methane(), chiral(), molecule()];
  const frames = readXyz(molecules.map((each, k) => xyz(each, `frame ${k}`)).join(""));
  assert.equal(frames.length, 3);
  frames.forEach(({ comment, molecule: found }, k) => {
    assert.equal(comment, `frame ${k}`);
    assert.deepEqual(found.atomicNumbers, molecules[k].atomicNumbers);
    found.positions.forEach((value, i) => assert.ok(Math.abs(value - molecules[k].positions[i]) < 1e-6));
  });
});

Deno.test("readXyz() names the line when text is not XYZ", () => {
  assert.throws(() => readXyz("atoms\n"), { name: "SyntaxError", message: /line 1.*number of atoms/ });
  assert.throws(() => readXyz("2\n\nC 0 0 0\n"), { name: "SyntaxError", message: /line 4.*the end/ });
  assert.throws(() => readXyz("1\n\nC 0 zero 0\n"), { name: "SyntaxError", message: /line 3/ });
  assert.throws(() => readXyz("1\n\nCl 0 0 0\n"), { name: "SyntaxError", message: /line 3.*"Cl"/ });
});

Deno.test("xyz() throws when the comment has several lines", () => {
  assert.throws(() => xyz(methane(), "a\nb"), { name: "RangeError", message: /one line/ });
});
