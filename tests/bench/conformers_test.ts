import assert from "node:assert/strict";
import { type Figures, listed, rowOf } from "../../bench/conformers.ts";
import { withFolder } from "../model/tiny_model.ts";
import { pythonThat } from "../python.ts";

Deno.test("listed() reads a SMILES a line, without names and empty lines", async () => {
  await withFolder(async (root) => {
    await Deno.writeTextFile(`${root}/a.smi`, "C1CCCCCCCCCCC1 a ring\n\n  CCO\r\n");
    assert.deepEqual(await listed(`${root}/a.smi`), [{ smiles: "C1CCCCCCCCCCC1" }, { smiles: "CCO" }]);
  });
});

const figures = (strains: number[], nearest: number[], whole: number): Figures => ({
  ...{ energies: strains, strains, nearest, whole, seconds: 2 },
});

Deno.test("rowOf() counts a molecule that is not answered as nothing found, and leaves it out of strain and distances", () => {
  const row = rowOf("a set", [figures([1, 3], [0.5, 1], 1), figures([], [], 0)], 2);
  assert.deepEqual([row.answered, row.molecules, row["conformers a molecule"], row["whole %"]], [1, 2, 1, 50]);
  assert.deepEqual([row["COV-R 0.75 %"], row["COV-R 1.25 %"], row["MAT-R, mean"]], [25, 50, 0.75]);
  assert.deepEqual([row["strain, median"], row["strain of the lowest, median"]], [2, 1]);
  const none = rowOf("a set", [figures([], [], 0)], 2);
  assert.deepEqual([none.answered, none["strain, median"]], [0, undefined]);
});

/** A molecule with a centre and a double bond in a ring of twelve, their stereo as drawn; its mirror image, the same with a bond torn, and with two atoms on one another. */
const WHOLE = `
import sys; sys.path.insert(0, "bench")
from rdkit import Chem
import conformers
plain = Chem.AddHs(Chem.MolFromSmiles("CC1CCCCCCC=CC(=O)O1"))
drawn = conformers.minimised(conformers.embedded(plain, 1, 1))
[good] = [list(c.GetPositions().flatten()) for c in drawn.GetConformers()]
mol = Chem.Mol(drawn)
Chem.AssignStereochemistryFrom3D(mol)
assert len(conformers.stereo(mol)) == 2 and len(conformers.stereo(plain)) == 0
count = lambda positions: len(conformers.whole(conformers.placed(mol, [positions])))
assert count(good) == 1
assert count([-x for x in good]) == 0
assert count([x + 1 if k < 3 else x for k, x in enumerate(good)]) == 0
assert count(good[9:12] + good[3:]) == 0
assert conformers.whole(conformers.placed(plain, [[-x for x in good], good])) == [0, 1]
`;

const python = await pythonThat("import rdkit");

Deno.test({
  name:
    "whole() of bench/conformers.py counts conformers that have the bonds of the graph and the stereo that it specifies",
  ignore: !python,
  async fn() {
    const { success, stderr } = await new Deno.Command(python!, { args: ["-c", WHOLE], stdin: "null" }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  },
});
