import assert from "node:assert/strict";
import { DESCRIPTORS, descriptorsOf } from "../../../chem/descriptors.ts";
import { createRdkit } from "../../../chem/rdkit.ts";
import { countRingSystems } from "../../../chem/ring_systems/count.ts";
import { knownRingSystems } from "../../../chem/ring_systems/known.ts";
import { ringSystemsOf } from "../../../chem/ring_systems/ring_systems.ts";
import reference from "./reference.json" with { type: "json" };

Deno.test("ringSystemsOf() cuts molecules as RDKit in Python does", async () => {
  const rdkit = await createRdkit(), kinds = new Set<string>();
  for (const [smiles, told] of reference.molecules as [string, string[]][]) {
    const found = rdkit.withMol(smiles, (mol) => ringSystemsOf(rdkit, mol))!;
    assert.deepEqual(found.toSorted(), told.toSorted(), smiles);
    for (const system of found) kinds.add(system);
  }
  assert.ok(reference.molecules.length > 140 && kinds.size > 60, `${reference.molecules.length}, ${kinds.size}`);
});

Deno.test("countRingSystems() counts a molecule once for each of its ring systems, commonest first, and tells what is refused", async () => {
  const lines = ["c1ccccc1-c1ccccc1,biphenyl", "Cc1ccccc1 toluene", "CC", "C1CC", "O=C1CCCN1c1ccccc1", "C1CCNC1C"];
  const { known, refused } = await countRingSystems(lines, "six lines");
  assert.deepEqual([known, refused], [{
    source: "six lines",
    molecules: 5,
    systems: { c1ccccc1: 3, C1CCNC1: 1, "O=C1CCCN1": 1 },
  }, 1]);
  assert.deepEqual(Object.keys(known.systems), ["c1ccccc1", "C1CCNC1", "O=C1CCCN1"]);
});

Deno.test("formalCharge adds charges up; ringSystemFrequency is that of the rarest ring system: all of what was counted without rings, none for one that nobody has", async () => {
  const rdkit = await createRdkit(), { molecules, systems } = knownRingSystems();
  const of = (smiles: string) => descriptorsOf(rdkit, smiles).ringSystemFrequency;
  const benzene = systems.get("c1ccccc1")!, pyrrolidine = systems.get("C1CCNC1")!;
  assert.ok(molecules > 200_000 && benzene > 0.5 * molecules && pyrrolidine > 1000 && pyrrolidine < benzene);
  assert.equal(of("CCO"), molecules);
  assert.equal(of("Cc1ccccc1"), benzene);
  assert.equal(of("C(c1ccccc1)N1CCCC1"), pyrrolidine);
  assert.equal(of("c1ccccc1C1C2CC3C1N3C2"), 0);
  assert.equal(descriptorsOf(rdkit, "C[N+](C)(C)CC(=O)[O-]").formalCharge, 0);
  assert.equal(descriptorsOf(rdkit, "CC(=O)[O-]").formalCharge, -1);
  assert.ok(DESCRIPTORS.ringSystemFrequency.what.includes("HIV"));
});
