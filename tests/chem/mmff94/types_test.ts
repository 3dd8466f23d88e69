/** MMFF94's types and tables, beside RDKit's. */
import assert from "node:assert/strict";
import { forceFieldOf } from "../../../chem/mmff94/force_field.ts";
import { graphOf } from "../../../chem/mmff94/graph.ts";
import { relevantRings } from "../../../chem/mmff94/rings.ts";
import { parseTables, readTables } from "../../../chem/mmff94/tables.ts";
import { atomTypes } from "../../../chem/mmff94/types.ts";
import { compounds, hasQm9, qm9References, type Reference } from "./references.ts";

const typesOf = ({ name, topology }: Reference) => ({ name, types: atomTypes(graphOf(topology)) });
const known = ({ name, types }: Reference) => ({ name, types });

Deno.test("atomTypes() gives RDKit's types for compounds of H, C, N, O, F, Si, P, S, Cl, Br and I", () => {
  const all = compounds();
  assert.ok(all.length > 150);
  assert.deepEqual(all.map(typesOf), all.map(known));
  assert.ok(new Set(all.flatMap(({ types }) => types)).size >= 75); // of 95, ions of one atom among them
});

Deno.test("atomTypes() gives RDKit's types for molecules of QM9", { ignore: !hasQm9 }, () => {
  const all = qm9References("positions");
  assert.ok(all.length > 580);
  assert.deepEqual(all.map(typesOf), all.map(known));
});

/** Neighbours of a graph of bonds. */
function neighboursOf(atoms: number, bonds: readonly (readonly [number, number])[]): number[][] {
  const list: number[][] = Array.from({ length: atoms }, () => []);
  for (const [i, j] of bonds) list[i].push(j), list[j].push(i);
  return list;
}

/** Bonds along paths of atoms. */
const along = (...paths: number[][]) => paths.flatMap((path) => path.slice(1).map((j, k) => [path[k], j] as const));

for (
  const [name, atoms, bonds, sizes] of [
    ["a chain", 3, along([0, 1, 2]), []],
    ["two rings at a bridge of one bond", 7, along([0, 1, 2, 0, 3, 4, 5, 6, 3]), [3, 4]],
    ["naphthalene", 10, along([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0], [4, 9]), [6, 6]],
    ["norbornane, whose ring of six is the sum of others", 7, along([0, 1, 2, 3, 4, 5, 0], [0, 6, 3]), [5, 5]],
    [
      "bicyclooctane, whose three rings of six are as good as each other",
      8,
      along([0, 1, 2, 3, 4, 5, 0], [0, 6, 7, 3]),
      [
        6,
        6,
        6,
      ],
    ],
    ["cubane", 8, along([0, 1, 2, 3, 0, 4, 5, 6, 7, 4], [1, 5], [2, 6], [3, 7]), [4, 4, 4, 4, 4, 4]],
  ] as const
) {
  Deno.test(`relevantRings() finds the rings of ${name}`, () => {
    assert.deepEqual(relevantRings(neighboursOf(atoms, bonds)).map(({ length }) => length), sizes);
  });
}

Deno.test("forceFieldOf() names an atom that MMFF94 has no type for, and refuses bonds to atoms that are not there", async () => {
  const tables = await readTables();
  assert.deepEqual(forceFieldOf({ atomicNumbers: [6, 5], bonds: [{ i: 0, j: 1, order: 1 }] }, tables), { untyped: 1 });
  assert.throws(
    () => forceFieldOf({ atomicNumbers: [6], bonds: [{ i: 0, j: 1, order: 1 }] }, tables),
    /bonds must be between two of 1 atoms; got 0-1/,
  );
});

Deno.test("parseTables() names a table that is missing, and one that is cut short", () => {
  assert.throws(() => parseTables({}), /mmff94\/atom\.csv must be in openchemlib's resources/);
  assert.throws(
    () => parseTables({ "/resources/forcefield/mmff94/atom.csv": "3\nint\n1,6,4,4,0,0,0,0,0\n" }),
    /atom\.csv must have 3 rows, as its first line says; got 1/,
  );
});
