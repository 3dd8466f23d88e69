/** Six drug-like molecules with S (of two, four bonds and six), P, Cl, Br and charges, their graphs known. */
import { DRUGLIKE } from "../../chem/chemistry.ts";
import type { Molecule } from "../../chem/molecule.ts";
import { readSdf } from "../../chem/sdf.ts";
import type { HeavyAtomClass } from "../../model/diffusion/types.ts";

/** Where they lie; coordinates are MMFF94s conformers of PubChem's molecules. */
export const DRUGLIKE_SDF = new URL("./druglike.sdf", import.meta.url);

/** The molecules, with their bonds and charges, and the SMILES that they came with. */
export function druglike(): { molecule: Molecule; smiles: string }[] {
  return readSdf(Deno.readTextFileSync(DRUGLIKE_SDF), DRUGLIKE)
    .map(({ molecule, bonds, data }) => ({ molecule: { ...molecule, bonds }, smiles: data.SMILES }));
}

/** Classes that these molecules need. */
export const DRUGLIKE_CLASSES: readonly HeavyAtomClass[] = [
  ...[0, 1, 2, 3].map((hydrogens): HeavyAtomClass => [6, hydrogens]),
  ...[0, 1, 2].map((hydrogens): HeavyAtomClass => [7, hydrogens]),
  ...[0, 1].map((hydrogens): HeavyAtomClass => [8, hydrogens]),
  [7, 0, 1],
  [8, 0, -1],
  [9, 0],
  [15, 0],
  [16, 0],
  [16, 1],
  [16, 0, 1],
  [17, 0],
  [35, 0],
];
