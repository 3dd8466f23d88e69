import assert from "node:assert/strict";
import { perceiveBonds } from "../../chem/bonds.ts";
import { molblockBytes } from "../../chem/molblock_bytes.ts";
import type { Bond, Molecule } from "../../chem/molecule.ts";
import { molblock } from "../../chem/sdf.ts";
import { druglike } from "./druglike.ts";
import { chiral, ethane, methane, molecule, readReferences } from "./molecules.ts";

const references = readReferences();

/** A molblock without the fields that are zero on each atom's and bond's line. */
const shortened = (block: string) =>
  block.replaceAll(/^(.{30} [A-Z][a-z]?) .*$/gm, "$1").replaceAll(/^(.{9}) {2}0$/gm, "$1");

const text = (each: Molecule, bonds: readonly Bond[] = perceiveBonds(each)) =>
  new TextDecoder().decode(molblockBytes(each, bonds));

Deno.test("molblockBytes() writes what molblock() writes but for fields that are zero", () => {
  for (const each of [methane(), ethane(), chiral(), molecule(["F", 0, 0, 0])]) {
    assert.equal(text(each), shortened(molblock(each, perceiveBonds(each))));
  }
});

Deno.test("molblockBytes() writes symbols of two letters and charges as molblock() does", () => {
  for (const { molecule: each } of druglike()) {
    assert.equal(text(each, each.bonds), shortened(molblock(each, each.bonds!)));
  }
});

Deno.test("molblockBytes() rounds coordinates as toFixed() does when they are halves, tiny, negative or large", () => {
  const edges = [0, -0, 1e-30, -1e-30, 0.00005, -0.00005, 0.03125, -0.03125, 1.00005, 9999, -9999, 123.45675, -0.00004];
  // Numbers with a five after the fourth decimal that single precision holds exactly: odd multiples of 2^-5.
  for (let k = -901; k < 900; k += 2) edges.push(k / 32);
  const each = { atomicNumbers: new Uint8Array(edges.length).fill(6), positions: new Float32Array(3 * edges.length) };
  edges.forEach((value, k) => each.positions.set([value, -value, value / 3], 3 * k));
  const lines = text({ ...each }, []).split("\n").slice(4, -2);
  assert.equal(lines.length, edges.length);
  lines.forEach((line, k) => {
    const expected = Array.from(each.positions.subarray(3 * k, 3 * k + 3), (x) => x.toFixed(4).padStart(10)).join("");
    assert.equal(line, `${expected} C`);
  });
});

Deno.test("molblockBytes() fills its columns when there are hundreds of atoms and bonds", () => {
  const n = 999, each = { atomicNumbers: new Uint8Array(n).fill(8), positions: new Float32Array(3 * n) };
  const bonds = Array.from({ length: n - 1 }, (_, i) => ({ i, j: i + 1, order: 1 + i % 3 } as Bond));
  assert.equal(text(each, bonds), shortened(molblock(each, bonds)));
});

Deno.test("molblockBytes() agrees with molblock() on 700 molecules", { ignore: !references }, () => {
  for (const { molecule: each } of references!) {
    const bonds = perceiveBonds(each);
    assert.equal(text(each, bonds), shortened(molblock(each, bonds)));
  }
});
