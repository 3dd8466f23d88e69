/** The ring systems of a molecule. */
import { FLAT, graphOfMol, jsonOf, pieceOf } from "../mol_graph.ts";
import type { Rdkit, RdkitMol } from "../rdkit.ts";
import { smallestRings } from "../rings.ts";

/**
 * The ring systems of a molecule that RDKit has read, each once, as SMILES without stereo: rings that share atoms, with the atoms that double bonds, or bonds
 * between opposite charges (an N-oxide's oxygen), bind to them. What single bonds bind is hydrogen there, rings too: biphenyl has the ring system of benzene,
 * once.
 */
export function ringSystemsOf(rdkit: Rdkit, mol: RdkitMol): string[] {
  const graph = graphOfMol(mol), { bonds, charges } = graph;
  const rings = smallestRings(charges.length, bonds) ?? [], inRings = new Set(rings.flat());
  const held = bonds.filter(({ i, j, order }) =>
    rings.some((ring) => ring.includes(i) && ring.includes(j)) ||
    (inRings.has(i) || inRings.has(j)) && (order === 2 || charges[i] * charges[j] < 0)
  );
  if (held.length === 0) return [];
  const smiles = rdkit.withMol(jsonOf(pieceOf(graph, held)), (pieces) => pieces.get_smiles(FLAT));
  return [...new Set(smiles?.split(".").sort())];
}
