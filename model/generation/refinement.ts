/** What is said of a molecule's refinement: here alone, for every form. Nothing is said of molecules of a drawing that does not refine. */
import type { Strain, Unrefined } from "../../chem/refinement/refine.ts";
import type { GeneratedMolecule } from "./pipeline.ts";

/** What is said. */
export interface RefinementJson {
  refined: boolean;
  /** Why not. */
  unrefined?: Unrefined;
  /** kcal/mol to two decimals; null where not refined. */
  strain: { before: number; after: number } | null;
  /** Angstrom to three decimals; 0 where not refined. */
  rmsd: number;
  stereoChanged: boolean;
  /** By `valence`, before it was refined: the likeliest graph broke a valence, or distances by `argmax` mean other bonds. */
  repaired: boolean;
}

const rounded = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;

/** As JSON has it; undefined where the drawing does not refine. */
export function toldRefinement(
  { validation: { refinement }, repaired = false }: GeneratedMolecule,
): RefinementJson | undefined {
  if (!refinement) return undefined;
  if (!refinement.refined) {
    const { reason: unrefined } = refinement;
    return { refined: false, unrefined, strain: null, rmsd: 0, stereoChanged: false, repaired };
  }
  const { strain, rmsd, stereoChanged } = refinement, told = (energy: Strain["before"]) => rounded(energy, 2);
  return {
    refined: true,
    strain: { before: told(strain.before), after: told(strain.after) },
    rmsd: rounded(rmsd, 3),
    stereoChanged,
    repaired,
  };
}

/** As data fields and comments have it: values by name, none of them an object. */
export function refinementFields(generated: GeneratedMolecule): Record<string, string | number | boolean> {
  const told = toldRefinement(generated);
  if (!told) return {};
  const { strain, unrefined, ...rest } = told;
  return {
    ...rest,
    ...(unrefined && { unrefined }),
    ...(strain && { strainBefore: strain.before, strainAfter: strain.after }),
  };
}
