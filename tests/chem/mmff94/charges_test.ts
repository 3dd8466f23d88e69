/** MMFF94's partial charges, and MMFF94s' tables, beside RDKit's. */
import assert from "node:assert/strict";
import { partialCharges } from "../../../chem/mmff94/charges.ts";
import { formalCharges } from "../../../chem/mmff94/formal_charges.ts";
import { termsOf } from "../../../chem/mmff94/force_field.ts";
import type { Topology } from "../../../chem/mmff94/graph.ts";
import { readTables, VARIANTS } from "../../../chem/mmff94/tables.ts";
import { compounds } from "./references.ts";

const tables = await readTables();

function typedOf(topology: Topology) {
  const found = termsOf(topology, tables);
  assert.ok("graph" in found);
  return { ...found, tables, variant: "mmff94" } as const;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

Deno.test("partialCharges() gives RDKit's charges for compounds, ions among them", () => {
  for (const { name, topology, partial } of compounds()) {
    const off = Math.max(...partialCharges(typedOf(topology)).map((charge, atom) => Math.abs(charge - partial[atom])));
    assert.ok(off < 5.1e-5, `${name}: ${off}`);
  }
});

/** What MMFF94 has no types for, and RDKit takes for something else: its charges add up to another one. */
const OTHERS = ["O=C=O", "S=C=S", "c1c[s+]ccc1"];

Deno.test("partialCharges() and formalCharges() add up to the molecule's charge", () => {
  const all = compounds().filter(({ name }) => !OTHERS.includes(name));
  assert.ok(all.filter(({ topology }) => Array.from(topology.charges!).some((charge) => charge !== 0)).length > 30);
  for (const { name, topology } of all) {
    const typed = typedOf(topology), whole = sum(Array.from(topology.charges!));
    for (const charges of [formalCharges(typed), partialCharges(typed)]) {
      assert.ok(Math.abs(sum(charges) - whole) < 1e-9, `${name}: ${sum(charges)}; ${whole}`);
    }
  }
});

Deno.test("formalCharges() has no charge where a sulphonyl has but one oxygen, and its nitrogens are in an aromatic ring", () => {
  // NC1=c2nc[nH]c2=NS(=O)(O)=N1, to whose oxygen RDKit gives half a charge.
  // deno-fmt-ignore
  const bonds = [
    [0, 1, 1], [1, 2, 2], [2, 3, 1], [3, 4, 2], [4, 5, 1], [5, 6, 1], [6, 7, 2], [7, 8, 1], [8, 9, 2], [8, 10, 1], [8, 11, 2],
    [11, 1, 1], [6, 2, 1], [0, 12, 1], [0, 13, 1], [4, 14, 1], [5, 15, 1], [10, 16, 1],
  ] as const;
  const typed = typedOf({
    atomicNumbers: [7, 6, 6, 7, 6, 7, 6, 7, 16, 8, 8, 7, 1, 1, 1, 1, 1],
    bonds: bonds.map(([i, j, order]) => ({ i, j, order })),
  });
  assert.deepEqual([typed.types[7], typed.types[9], typed.types[11]], [38, 32, 38]);
  assert.ok(formalCharges(typed).every((charge) => charge === 0));
  assert.ok(Math.abs(sum(partialCharges(typed))) < 1e-9);
});

Deno.test("termsOf() gives a product of charges for each pair, three quarters of it three bonds apart", () => {
  const { name, topology } = compounds().find(({ name }) => name === "CC(=O)OC")!;
  const found = termsOf(topology, tables, { charges: true });
  assert.ok("rows" in found, name);
  const { rows: { pairs, charges } } = found, partial = partialCharges(typedOf(topology));
  assert.equal(charges.length, pairs.length);
  const of = (i: number, j: number) => charges[pairs.findIndex(([a, b]) => a === i && b === j)]?.[0];
  // Both methyls are three bonds apart; two bonds are no pair; the carbonyl oxygen is four from the far methyl's hydrogens.
  assert.ok(Math.abs(of(0, 4) - 0.75 * 332.0716 * partial[0] * partial[4]) < 1e-9);
  assert.equal(of(0, 3), undefined);
  const methyl = topology.bonds.filter(({ i }) => i === 4).map(({ j }) => j);
  assert.ok(Math.abs(of(2, methyl[0]) - 332.0716 * partial[2] * partial[methyl[0]]) < 1e-9);
  const without = termsOf(topology, tables);
  assert.deepEqual("rows" in without && without.rows, { ...found.rows, charges: [] });
});

Deno.test("VARIANTS have rows of their own, as Halgren's tables differ", () => {
  const nitrogen = VARIANTS.map((variant) => tables.variants[variant].outOfPlane.get(0, 10, 0, 0));
  assert.deepEqual(nitrogen, [[-0.02], [0.015]]);
  assert.deepEqual(VARIANTS.map((variant) => tables.variants[variant].outOfPlane.get(37, 64, 63, 64)), [[-0.011], [
    -0.011,
  ]]);
  assert.deepEqual(VARIANTS.map((variant) => tables.variants[variant].torsions.get(0, 1, 3, 10, 28)), [
    [-0.294, 5.805, 1.342],
    [-0.259, 5.934, 1.326],
  ]);
});
