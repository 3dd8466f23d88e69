import assert from "node:assert/strict";
import { readGraph, type Unanswered, UnansweredError } from "../../../chem/conformers/graph.ts";
import { molblock } from "../../../chem/sdf.ts";
import { graphOf, rdkit } from "./tools.ts";

Deno.test("readGraph() writes out all hydrogens behind the heavy atoms, with charges and whole orders", () => {
  const { atomicNumbers, charges, bonds, smiles } = graphOf("C[N+](C)(C)CC(=O)[O-]"); // betaine
  assert.equal(smiles, "C[N+](C)(C)CC(=O)[O-]");
  assert.deepEqual([...atomicNumbers], [6, 7, 6, 6, 6, 6, 8, 8, ...Array(11).fill(1)]);
  assert.deepEqual([charges[1], charges[7], charges.filter((charge) => charge !== 0).length], [1, -1, 2]);
  assert.deepEqual(bonds.filter(({ order }) => order === 2), [{ i: 5, j: 6, order: 2 }]);
  assert.deepEqual(bonds, bonds.toSorted((a, b) => a.i - b.i || a.j - b.j));
});

Deno.test("readGraph() reads a molblock with the stereo that its positions have, hydrogens there or not", () => {
  const atomicNumbers = Uint8Array.of(1, 6, 6, 9, 17),
    bonds = [0, 2, 3, 4].map((j) => ({ i: Math.min(1, j), j: Math.max(1, j), order: 1 as const }));
  const read = (z: number, from = 0) => {
    const positions = Float32Array.of(1, 1, z, 0, 0, 0, 1, -1, -z, -1, 1, -z, -1, -1, z).slice(3 * from);
    const rest = bonds.slice(from).map(({ i, j, order }) => ({ i: i - from, j: j - from, order }));
    const text = molblock({ atomicNumbers: atomicNumbers.slice(from), positions }, rest);
    return readGraph(rdkit, { kind: "molblock", text }, 100);
  };
  for (const from of [0, 1]) {
    assert.deepEqual([read(1, from).smiles, read(-1, from).smiles].sort(), ["C[C@@H](F)Cl", "C[C@H](F)Cl"]);
    assert.equal(read(1, from).smiles, read(1).smiles);
    assert.deepEqual([...read(1, from).atomicNumbers], [6, 6, 9, 17, 1, 1, 1, 1]);
  }
});

Deno.test("readGraph() says of what it refuses what is allowed and what was given", () => {
  const cases: Readonly<Record<string, [Unanswered, RegExp]>> = {
    "C1CC": ["unreadable", /SMILES without spaces.*unclosed ring/],
    "CN(C)(C)C": ["unreadable", /valence/],
    "C C": ["unreadable", /without spaces.*got another text/],
    '{"rdkitjson":{"version":12}}': ["unreadable", /got another text/],
    "C[Si](C)(C)C": ["elements", /must be of H, C, N, .* I; got an atom of the atomic number 14/],
    "C*": ["elements", /atomic number 0/],
    "[2H]C": ["isotopes", /got the mass 2/],
    "C[CH2]": ["radicals", /unpaired/],
    "CC=[C@]=CC": ["stereoKind", /got that of an allene/],
    "F[P@TB1](F)(F)(F)F": ["stereoKind", /of another form/],
    "CC.O": ["fragments", /must be one fragment; got 2/],
    [`${"C".repeat(34)}`]: ["size", /must have at most 100 atoms, hydrogens included; got 104/],
    [`${"C".repeat(200)}`]: ["size", /got 200 heavy ones/],
  };
  for (const [text, [reason, message]] of Object.entries(cases)) {
    assert.throws(() => graphOf(text), (error) => {
      assert.ok(error instanceof UnansweredError, text);
      assert.equal(error.reason, reason, text);
      assert.match(error.message, message);
      return true;
    });
  }
  assert.throws(() => readGraph(rdkit, { kind: "molblock", text: "CC" }, 100), /must be a molblock/);
});
