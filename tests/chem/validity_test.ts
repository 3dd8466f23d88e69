import assert from "node:assert/strict";
import { perceiveBonds } from "../../chem/bonds.ts";
import type { Molecule } from "../../chem/molecule.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { molblock } from "../../chem/sdf.ts";
import { overfull, validity } from "../../chem/validity.ts";
import { methane, molecule } from "./molecules.ts";

/** Atoms at hazard in a box of `side` angstrom, by a small congruential generator. */
function atHazard(seed: number, atoms: number, side: number): Molecule {
  const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return {
    atomicNumbers: Uint8Array.from({ length: atoms }, () => [1, 1, 1, 6, 6, 7, 8, 9][Math.floor(8 * next())]),
    positions: Float32Array.from({ length: 3 * atoms }, () => side * next()),
  };
}

Deno.test("overfull() rejects only what RDKit refuses too", async () => {
  const rdkit = await createRdkit();
  let rejected = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const each = atHazard(seed, 8 + seed % 5, 2.8), bonds = perceiveBonds(each);
    if (!overfull(each, bonds)) continue;
    rejected++;
    assert.equal(rdkit.withMol(molblock(each, bonds), () => "accepted", { removeHs: false }), null, `seed ${seed}`);
  }
  assert.ok(rejected > 100, `${rejected} rejected`);
});

Deno.test("validity() keeps a nitro group, whose nitrogen has an excess of two", async () => {
  const nitromethane = molecule(
    ["N", 0, 0, 0],
    ["O", 0.61, 1.06, 0],
    ["O", 0.61, -1.06, 0],
    ["C", -1.48, 0, 0],
    ["H", -1.84, 1.03, 0],
    ["H", -1.84, -0.51, 0.89],
    ["H", -1.84, -0.51, -0.89],
  );
  assert.deepEqual(validity(await createRdkit(), nitromethane), {
    valid: true,
    fragments: 1,
    edmSmiles: "[H]C([H])([H])[N+](=O)[O-]",
  });
});

Deno.test("validity() answers at once when all atoms lie in a heap", async () => {
  const rdkit = await createRdkit();
  let asked = 0;
  const watched = {
    ...rdkit,
    withMol: (...args: Parameters<typeof rdkit.withMol>) => (asked++, rdkit.withMol(...args)),
  } as typeof rdkit;
  const heap = { atomicNumbers: new Uint8Array(29).fill(6), positions: new Float32Array(87) };
  assert.deepEqual(validity(watched, heap), { valid: false, fragments: 0, edmSmiles: null });
  assert.equal(asked, 0);
  assert.equal(validity(watched, methane()).valid, true);
  assert.equal(asked, 1);
});
