import assert from "node:assert/strict";
import { compositionOf, createComposition, createGroupFinder, groupNames } from "../../chem/composition.ts";
import { memorisation } from "../../chem/metrics.ts";
import { createRdkit } from "../../chem/rdkit.ts";

Deno.test("createComposition() counts each molecule once for each group that it has", async () => {
  const counter = createComposition(await createRdkit());
  try {
    // Benzene, ethanol, phenol (no alcohol on a saturated carbon), pyrazole, hydroxylamine, cyclopropane with fluorine, oxetane, ethane.
    const all = ["c1ccccc1", "CCO", "Oc1ccccc1", "c1cc[nH]n1", "NO", "FC1(F)CC1", "C1COC1", "CC"];
    for (const smiles of all) counter.add(smiles);
    const found = Object.entries(counter.composition()).map(([name, { value, n }]) => [name, value * n, n]);
    assert.deepEqual(found.slice(0, 8), [
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

Deno.test("createGroupFinder() finds each group where a chemist would, and not where not", async () => {
  const rdkit = await createRdkit(), { groupsOf, close } = createGroupFinder(rdkit);
  const examples: Record<string, string> = {
    "C1CCCC1": "ringOfFive",
    "C1CCCCC1": "ringOfSix",
    "C1CC2CCC1C2": "ringOfFive fused",
    "C1CCC11CCC1": "ringOfFour spiro",
    "COC": "acyclic ether",
    "CN(C)C": "acyclic amine",
    "CC(C)=O": "acyclic aldehydeOrKetone",
    "CC=O": "acyclic aldehydeOrKetone",
    "CC(N)=O": "acyclic amide",
    "COC(C)=O": "acyclic ester",
    "CC=NC": "acyclic imine",
    "CC=CC": "acyclic alkene",
    "CC#N": "acyclic nitrile",
    "CC#CC": "acyclic alkyne",
    "COOC": "acyclic oxygenOxygen",
    "c1ccncc1": "aromatic ringOfSix",
    "c1cc[nH]c1": "aromatic ringOfFive",
    "NC=N": "acyclic imine",
    "NN": "nitrogenNitrogen acyclic",
    "OCC(F)F": "alcohol fluorine acyclic",
  };
  try {
    for (const [smiles, groups] of Object.entries(examples)) {
      assert.equal(rdkit.withMol(smiles, groupsOf)!.join(" "), groups, smiles);
    }
    assert.deepEqual([...new Set(Object.values(examples).join(" ").split(" "))].length, groupNames.length - 2);
  } finally {
    close();
  }
});

Deno.test("compositionOf() gives shares with their intervals", () => {
  const { ether, acyclic } = compositionOf([["acyclic", "ether"], ["acyclic"]]);
  assert.deepEqual([ether.value, acyclic.value, acyclic.n], [0.5, 1, 2]);
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
