import assert from "node:assert/strict";
import { createComposition } from "../../chem/composition.ts";
import { memorisation } from "../../chem/metrics.ts";
import { createRdkit } from "../../chem/rdkit.ts";

Deno.test("createComposition() counts each molecule once for each group that it has", async () => {
  const counter = createComposition(await createRdkit());
  try {
    // Benzene, ethanol, phenol (no alcohol on a saturated carbon), pyrazole, hydroxylamine, cyclopropane with fluorine, oxetane, ethane.
    const all = ["c1ccccc1", "CCO", "Oc1ccccc1", "c1cc[nH]n1", "NO", "FC1(F)CC1", "C1COC1", "CC"];
    for (const smiles of all) counter.add(smiles);
    const found = Object.entries(counter.composition()).map(([name, { value, n }]) => [name, value * n, n]);
    assert.deepEqual(found, [
      ["aromatic", 3, 8],
      ["alcohol", 1, 8],
      ["nitrogenNitrogen", 1, 8],
      ["nitrogenOxygen", 1, 8],
      ["fluorine", 1, 8],
      ["ringOfThree", 1, 8],
      ["ringOfFour", 1, 8],
      ["acyclic", 3, 8],
    ]);
    assert.throws(() => counter.add("C(("), /RDKit refuses/);
  } finally {
    counter.close();
  }
});

Deno.test("createComposition() of nothing knows nothing", async () => {
  const counter = createComposition(await createRdkit());
  assert.deepEqual(counter.composition().acyclic, { value: 0, low: 0, high: 1, n: 0 });
  counter.close();
});

Deno.test("memorisation() sets hits a trained molecule against hits a held-out one", () => {
  const drawn = (edmSmiles: string | null, valid = edmSmiles !== null) => ({
    valid,
    stable: true,
    stableAtoms: 1,
    atoms: 1,
    connected: true,
    edmSmiles,
  });
  const training = new Set(["a", "b", "c", "d", "e", "f", "g", "h"]), heldOut = new Set(["w", "x"]);
  const records = ["a", "a", "b", "c", "w", "new", null].map((smiles) => drawn(smiles));
  const { ratio, ...counts } = memorisation(records, training, heldOut);
  assert.deepEqual(counts, { distinct: 5, inTraining: 3, inHeldOut: 1 });
  assert.ok(Math.abs(ratio!.value - (3 / 8) / (1 / 2)) < 1e-12);
  const half = 1.96 * Math.sqrt(1 / 3 + 1);
  assert.ok(Math.abs(Math.log(ratio!.high / ratio!.value) - half) < 1e-12);
  assert.ok(Math.abs(Math.log(ratio!.value / ratio!.low) - half) < 1e-12);
  assert.equal(memorisation([drawn("a")], training, heldOut).ratio, null);
});
