import assert from "node:assert/strict";
import type { Bond } from "../../chem/molecule.ts";
import { ringSizes } from "../../chem/rings.ts";
import { createRdkit } from "../../chem/rdkit.ts";

const graph = (...pairs: [number, number][]): Bond[] => pairs.map(([i, j]) => ({ i, j, order: 1 }));
const circle = (...atoms: number[]) => atoms.map((a, k): [number, number] => [a, atoms[(k + 1) % atoms.length]]);

Deno.test("ringSizes() finds the smallest cycle basis of fused, bridged and spiro rings", () => {
  assert.deepEqual(ringSizes(4, graph([0, 1], [1, 2], [1, 3])), []);
  assert.deepEqual(ringSizes(7, graph(...circle(0, 1, 2, 3, 4, 5), [5, 6])), [6]);
  // Two rings on one bond, two on one atom, two apart.
  assert.deepEqual(ringSizes(5, graph(...circle(0, 1, 2, 3), [0, 4], [4, 1])), [3, 4]);
  assert.deepEqual(ringSizes(7, graph(...circle(0, 1, 2, 3), ...circle(0, 4, 5, 6))), [4, 4]);
  assert.deepEqual(ringSizes(8, graph(...circle(0, 1, 2), ...circle(3, 4, 5, 6, 7))), [3, 5]);
  // Norbornane 5 + 5 (not 6); prismane 3 + 3 + 4 + 4; cubane five of its six faces.
  assert.deepEqual(ringSizes(7, graph(...circle(0, 1, 2, 3, 4, 5), [0, 6], [6, 3])), [5, 5]);
  assert.deepEqual(ringSizes(6, graph(...circle(0, 1, 2), ...circle(3, 4, 5), [0, 3], [1, 4], [2, 5])), [3, 3, 4, 4]);
  const cube = graph(...circle(0, 1, 2, 3), ...circle(4, 5, 6, 7), [0, 4], [1, 5], [2, 6], [3, 7]);
  assert.deepEqual(ringSizes(8, cube), [4, 4, 4, 4, 4]);
});

Deno.test("ringSizes() gives null for more rings than the limit", () => {
  const all = graph(
    ...Array.from({ length: 10 }, (_, i) => i).flatMap((i) =>
      Array.from({ length: i }, (_, j): [number, number] => [j, i])
    ),
  );
  assert.equal(ringSizes(10, all), null);
  assert.deepEqual(ringSizes(10, all, 36), new Array(36).fill(3));
});

Deno.test("ringSizes() gives as many rings as RDKit finds, of the same sizes", async () => {
  const rdkit = await createRdkit();
  // None where another ring of the same size would do as well: RDKit lists those too.
  const smiles = [
    "c1ccc2[nH]ccc2c1",
    "C1CC2CCC1O2",
    "C1C2C1C1OC21",
    "O=C1C2CN2C1C#N",
    "CC1=NC=CO1",
    "C1CC11CN1",
    "CCO",
  ];
  for (const one of smiles) {
    const { bonds, rings, atoms } = rdkit.withMol(one, (mol) => {
      const [data] = JSON.parse(mol.get_json()).molecules;
      const extension = data.extensions.find((e: { name: string }) => e.name === "rdkitRepresentation");
      return {
        atoms: data.atoms.length as number,
        bonds: graph(...data.bonds.map((bond: { atoms: [number, number] }) => bond.atoms)),
        rings: (extension.atomRings ?? []).map((ring: number[]) => ring.length) as number[],
      };
    })!;
    assert.deepEqual(ringSizes(atoms, bonds), rings.sort(), one);
  }
});
