import assert from "node:assert/strict";
import rdkitModule, { type MainModule } from "@rdkit/rdkit";
import { depictionGrid } from "../../chem/depict.ts";
import { createRdkit, wrapRdkit } from "../../chem/rdkit.ts";
import { createValidator } from "../../chem/validator.ts";
import { chiral, joined, methane, molecule } from "./molecules.ts";

/** RDKit.js whose molecules are counted when taken and when freed. */
async function countingRdkit() {
  const module = await (rdkitModule as unknown as typeof rdkitModule.default)();
  const counts = { taken: 0, freed: 0 };
  const counting = {
    version: () => module.version(),
    get_qmol: (smarts: string) => module.get_qmol(smarts),
    get_inchikey_for_inchi: (inchi: string) => module.get_inchikey_for_inchi(inchi),
    get_mol(input: string, details: string) {
      const mol = module.get_mol(input, details);
      if (mol === null) return null;
      counts.taken++;
      const free = mol.delete.bind(mol);
      mol.delete = () => {
        counts.freed++;
        free();
      };
      return mol;
    },
  } as Pick<MainModule, "version" | "get_mol" | "get_qmol" | "get_inchikey_for_inchi">;
  return { rdkit: wrapRdkit(counting), counts };
}

Deno.test("withMol() frees the molecule when the callback returns and when it throws", async () => {
  const { rdkit, counts } = await countingRdkit();
  assert.equal(rdkit.withMol("OCC", (mol) => mol.get_smiles()), "CCO");
  assert.deepEqual(counts, { taken: 1, freed: 1 });
  assert.throws(() =>
    rdkit.withMol("CC", () => {
      throw new Error("on purpose");
    }), /on purpose/);
  assert.deepEqual(counts, { taken: 2, freed: 2 });
});

Deno.test("withMol() returns null when RDKit refuses the input", async () => {
  const rdkit = await createRdkit();
  assert.equal(rdkit.withMol("C(C)(C)(C)(C)C", () => "valid"), null);
  assert.equal(rdkit.withMol("not a molecule", () => "valid"), null);
});

Deno.test("a validator and a depiction free all molecules, torn and invalid ones too", async () => {
  const { rdkit, counts } = await countingRdkit(), validate = createValidator(rdkit);
  const torn = joined(methane(), chiral(), 20);
  const crowded = molecule(["O", 0, 0, 0], ["H", 0.9, 0, 0], ["H", -0.9, 0, 0], ["H", 0, 0.9, 0]);
  for (const each of [methane(), torn, crowded]) validate(each, { descriptors: true, molblock: true });
  assert.throws(() => depictionGrid(rdkit, ["C", "C(("]), RangeError);
  assert.equal(counts.taken, 6); // methane, the torn one and its largest fragment, two for descriptors, one drawing
  assert.equal(counts.freed, counts.taken);
});
