import assert from "node:assert/strict";
import { moleculeAt } from "../../../chem/conformers/ensemble.ts";
import { withStereo, wrongStereo } from "../../../chem/conformers/stereo.ts";
import { molblock } from "../../../chem/sdf.ts";
import { graphOf, mirrored, positionsOf, rdkit } from "./tools.ts";

/** SMILES of positions, by RDKit, which reads stereo by itself. */
const smilesAt = (graph: ReturnType<typeof graphOf>, x: Float64Array) =>
  rdkit.withMol(molblock(moleculeAt(graph, x), graph.bonds), (mol) => {
    mol.remove_hs_in_place("{}");
    return mol.get_smiles();
  });

/** R and S, a sulfoxide with its lone pair, E and Z, an oxime, and a ring. */
const PAIRS = [
  ["F[C@](Cl)(Br)I", "F[C@@](Cl)(Br)I"],
  ["C[S@](=O)F", "C[S@@](=O)F"],
  ["F/C=C/F", "F/C=C\\F"],
  ["F/C=N/O", "F/C=N\\O"],
  ["[H]/N=C/F", "[H]/N=C\\F"],
  ["C[C@H]1C[C@@H]1F", "C[C@H]1C[C@H]1F"],
] as const;

Deno.test("wrongStereo() finds what RDKit reads otherwise in the same positions, of centres and double bonds alike", () => {
  for (const [one, other] of PAIRS) {
    for (const [asked, drawn] of [[one, one], [one, other], [other, one], [other, other]]) {
      const graph = graphOf(drawn), x = positionsOf(graph), { centres, bonds } = wrongStereo(graphOf(asked), x);
      assert.equal(centres + bonds > 0, smilesAt(graph, x) !== graphOf(asked).smiles, `${asked} in ${drawn}`);
      assert.equal(centres + bonds === 0, asked === drawn, `${asked} in ${drawn}`);
    }
  }
});

Deno.test("withStereo() mirrors positions whose centres are all inverted, and refuses those of which some are", () => {
  const trans = graphOf("C[C@H]1C[C@@H]1F"), x = positionsOf(trans);
  assert.deepEqual(withStereo(trans, x), { positions: x, mirrored: false });
  const back = withStereo(trans, mirrored(x))!;
  assert.equal(back.mirrored, true);
  assert.equal(smilesAt(trans, back.positions), trans.smiles);
  assert.equal(withStereo(graphOf("C[C@H]1C[C@H]1F"), x), undefined);
  // No reflection makes a double bond another.
  const bond = graphOf("F/C=C/F");
  assert.equal(withStereo(graphOf("F/C=C\\F"), positionsOf(bond)), undefined);
});
