/** The port of a force field: what the refiner asks of whoever knows one. */
import type { Bond, Molecule } from "../molecule.ts";
import type { Potential } from "./energy.ts";
import type { Minimised, MinimiseOptions } from "./minimise.ts";

/** A molecule as a force field sees it: hydrogens, bonds and formal charges are all written out. */
export interface TypedMolecule {
  /** The energy in kcal/mol, and its gradient. */
  readonly potential: Potential;
  /** The energy in kcal/mol at positions `[n, 3]` in angstrom. */
  energy(x: Float64Array): number;
  /** Moves the positions, in place, towards the nearest minimum; the energy never rises. */
  minimise(x: Float64Array, options: MinimiseOptions): Minimised;
}

/** A force field. What it says depends on the molecule alone, so that the same molecule is refined alike in any company. */
export interface ForceField {
  readonly name: "mmff94";
  /** Finds each atom's type and all parameters; undefined where the force field has no type for an atom, or not all hydrogens are there. */
  type(molecule: Molecule, bonds: readonly Bond[]): TypedMolecule | undefined;
}
