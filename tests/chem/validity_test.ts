import assert from "node:assert/strict";
import { perceiveBonds } from "../../chem/bonds.ts";
import type { Bond, Molecule } from "../../chem/molecule.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { molblock } from "../../chem/sdf.ts";
import { overfull, validity } from "../../chem/validity.ts";
import { methane, molecule } from "./molecules.ts";

/** Atoms at hazard in a box of `side` angstrom, by a small congruential generator; every other seed's rich in nitrogen. */
function atHazard(seed: number, atoms: number, side: number): Molecule {
  const elements = seed % 2 ? [1, 1, 1, 6, 6, 7, 8, 9] : [1, 6, 7, 7, 7, 7, 8, 8];
  const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return {
    atomicNumbers: Uint8Array.from({ length: atoms }, () => elements[Math.floor(8 * next())]),
    positions: Float32Array.from({ length: 3 * atoms }, () => side * next()),
  };
}

Deno.test("overfull() rejects only what RDKit refuses too", async () => {
  const rdkit = await createRdkit();
  let rejected = 0;
  for (let seed = 1; seed <= 600; seed++) {
    const each = atHazard(seed, 4 + seed % 9, 2.8), bonds = perceiveBonds(each);
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

Deno.test("overfull() holds of one bond too many at each element, and spares five at nitrogen for RDKit to judge", () => {
  const star = (centre: number, leaves: number): [Molecule, Bond[]] => [
    { atomicNumbers: Uint8Array.of(centre, ...Array(leaves).fill(1)), positions: new Float32Array(3 * leaves + 3) },
    Array.from({ length: leaves }, (_, k): Bond => ({ i: 0, j: k + 1, order: 1 })),
  ];
  for (const [element, most] of [[1, 1], [6, 4], [7, 3], [8, 2], [9, 1]]) {
    assert.equal(overfull(...star(element, most)), false, `${element}`);
    assert.equal(overfull(...star(element, most + 1)), true, `${element}`);
    assert.equal(overfull(...star(element, 5)), element !== 7, `${element}`);
    assert.equal(overfull(...star(element, 6)), true, `${element}`);
  }
});
