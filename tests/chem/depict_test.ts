import assert from "node:assert/strict";
import { depictionGrid } from "../../chem/depict.ts";
import { createRdkit } from "../../chem/rdkit.ts";

Deno.test("depictionGrid() places one drawing a molecule, row by row", async () => {
  const rdkit = await createRdkit();
  const svg = depictionGrid(rdkit, ["CCO", "c1ccccc1", "C#N"], { columns: 2, width: 100, height: 80 });
  assert.ok(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg" width="200" height="160"'));
  assert.equal(svg.match(/<svg/g)!.length, 4);
  assert.equal(svg.match(/<\/svg>/g)!.length, 4);
  assert.ok(!svg.includes("<?xml"));
  assert.deepEqual([...svg.matchAll(/<svg (x="\d+" y="\d+")/g)].map((m) => m[1]), [
    'x="0" y="0"',
    'x="100" y="0"',
    'x="0" y="80"',
  ]);
  assert.equal(svg.match(/class='bond-\d+/g)!.length > 8, true);
});

Deno.test("depictionGrid() throws when a SMILES is refused or a size makes no sense", async () => {
  const rdkit = await createRdkit();
  assert.throws(() => depictionGrid(rdkit, ["C1CC"]), { name: "RangeError", message: /C1CC/ });
  assert.throws(() => depictionGrid(rdkit, ["C"], { columns: 0 }), {
    name: "RangeError",
    message: /columns must be .*; got 0/,
  });
});

Deno.test("depictionGrid() is an empty picture when there is no molecule", async () => {
  assert.match(depictionGrid(await createRdkit(), []), /width="0" height="0"/);
});
