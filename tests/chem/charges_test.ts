import assert from "node:assert/strict";
import { perceiveBonds } from "../../chem/bonds.ts";
import { setChargesApart } from "../../chem/charges.ts";
import { DRUGLIKE } from "../../chem/chemistry.ts";
import type { Bond, Molecule } from "../../chem/molecule.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { molblock } from "../../chem/sdf.ts";

const SYMBOLS: Record<string, number> = { H: 1, C: 6, N: 7, O: 8 };

/** A graph: atoms by their letters, bonds as "i-j", "i=j", "i#j". Atoms lie on a line, as nobody reads the positions. */
function graph(atoms: string, ...bonds: string[]): { molecule: Molecule; bonds: Bond[] } {
  const atomicNumbers = Uint8Array.from(atoms, (symbol) => SYMBOLS[symbol]);
  const positions = Float32Array.from({ length: 3 * atoms.length }, (_, k) => k % 3 === 0 ? k : 0);
  const list = bonds.map((text) => {
    const [, i, mark, j] = /^(\d+)([-=#])(\d+)$/.exec(text)!;
    return { i: Number(i), j: Number(j), order: "-=#".indexOf(mark) + 1 } as Bond;
  }).sort((a, b) => a.i - b.i || a.j - b.j);
  return { molecule: { atomicNumbers, positions }, bonds: list };
}

/** Graphs with nitrogens of five bonds, as distances give them, and the sum of what is positive in them. */
const FIVE: [string, ReturnType<typeof graph>, number][] = [
  ["nitromethane", graph("CNOO", "0-1", "1=2", "1=3"), 1],
  ["an oxygen before its nitrogen", graph("OONC", "0=2", "1=2", "2-3"), 1],
  ["methyl azide", graph("CNNN", "0-1", "1=2", "2#3"), 1],
  ["diazomethane", graph("CNN", "0=1", "1#2"), 1],
  ["an N-oxide's furoxan", graph("CCNONO", "0-1", "0=2", "2-3", "3-4", "1=4", "4=5"), 1],
  ["two nitro groups", graph("CNOONOO", "0-1", "1=2", "1=3", "0-4", "4=5", "4=6"), 2],
];

Deno.test("setChargesApart() gives RDKit the molecule that it reads of five bonds at nitrogen, charged, and no five bonds", async () => {
  const rdkit = await createRdkit(), smilesOf = (text: string) => rdkit.withMol(text, (mol) => mol.get_smiles());
  for (const [name, { molecule, bonds }, positive] of FIVE) {
    const apart = setChargesApart(molecule, bonds), charges = [...apart.molecule.charges!];
    assert.deepEqual(charges.filter((charge) => charge > 0), Array(positive).fill(1), name);
    assert.equal(charges.reduce((a, b) => a + b), 0, name);
    for (const i of charges.keys()) {
      const sum = apart.bonds.filter((bond) => bond.i === i || bond.j === i).reduce((a, { order }) => a + order, 0);
      if (molecule.atomicNumbers[i] === 7) assert.ok(sum <= 3 + charges[i], `${name}: ${sum} bonds at ${i}`);
    }
    const text = molblock(apart.molecule, apart.bonds);
    assert.match(text, /^M {2}CHG/m, name);
    const smiles = smilesOf(text);
    assert.ok(smiles, name);
    assert.equal(smiles, smilesOf(molblock(molecule, bonds)), name);
  }
  // RDKit.js takes charges from both bonds of N#N=O, and makes an anion of it.
  const oxide = graph("NNO", "0#1", "1=2"), apart = setChargesApart(oxide.molecule, oxide.bonds);
  assert.equal(smilesOf(molblock(apart.molecule, apart.bonds)), "[N-]=[N+]=O");
});

Deno.test("setChargesApart() leaves alone what has no five bonds at nitrogen, no partner for them, or a chemistry that charges them itself", () => {
  const water = {
    atomicNumbers: Uint8Array.of(8, 1, 1),
    positions: Float32Array.of(0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0),
  };
  const bonds = perceiveBonds(water), same = setChargesApart(water, bonds);
  assert.equal(same.molecule, water);
  assert.equal(same.bonds, bonds);
  const lone = graph("CNCC", "0-1", "1=2", "1=3"); // no oxygen to take the charge
  assert.deepEqual([...setChargesApart(lone.molecule, lone.bonds).molecule.charges!], [0, 0, 0, 0]);
  assert.deepEqual(setChargesApart(lone.molecule, lone.bonds).bonds, lone.bonds);
  const [, nitro] = FIVE[0];
  assert.equal(setChargesApart(nitro.molecule, nitro.bonds, DRUGLIKE).molecule, nitro.molecule);
});
