/** The ports of a force field: what the refiner asks of whoever knows one, and what that asks of whoever minimises. */
import type { ForceField as Field } from "../mmff94/force_field.ts";
import type { Bond, Molecule } from "../molecule.ts";

/** When to end, and how fast atoms are held to where they were. */
export interface MinimiseOptions {
  /** Most steps. */
  readonly iterations: number;
  /** Root mean square of the gradient at a minimum, kcal/mol/angstrom. */
  readonly tolerance: number;
  /** kcal/mol/angstrom^2; energies do not count it. Default 0. */
  readonly hold?: number;
  /** The first so many atoms stay where they are. Default 0. */
  readonly frozen?: number;
}

/** Positions in angstrom, `[n, 3]`, with energies in kcal/mol of where they began and where they are. */
export interface Minimised {
  readonly positions: Float64Array;
  readonly before: number;
  readonly after: number;
}

/** Minimises molecules by terms that are looked up: the C engine. A molecule's results depend on it alone. */
export interface Minimiser {
  minimise(
    molecules: readonly { readonly field: Field; readonly positions: ArrayLike<number> }[],
    options: MinimiseOptions,
  ): readonly Minimised[];
}

/** A molecule as a force field sees it: hydrogens, bonds and formal charges are all written out. */
export interface TypedMolecule {
  /** The energy in kcal/mol at positions `[n, 3]` in angstrom. */
  energy(x: ArrayLike<number>): number;
  /** Goes from positions towards the nearest minimum; without `hold` the energy never rises. */
  minimise(x: ArrayLike<number>, options: MinimiseOptions): Minimised;
}

/** A force field. What it says depends on the molecule alone, so that the same molecule is refined alike in any company. */
export interface ForceField {
  /** A molecule that is no further above its minimum stays as it is, kcal/mol. Where absent, none does. */
  readonly enough?: number;
  /** Finds each atom's type and all parameters; undefined where the force field has no type for an atom. */
  type(molecule: Molecule, bonds: readonly Bond[]): TypedMolecule | undefined;
}
