/**
 * Refinement: a molecule's positions moved to the nearest minimum of a force field, then, where bonds are told by distances, into the windows of
 * its own bond orders. It is chemistry beside the model, and none of the model's merit.
 */
import { addedHydrogens, chargedGraph } from "../added_hydrogens.ts";
import { distancesMean, orderMatrix } from "../bonds.ts";
import type { Chemistry } from "../chemistry.ts";
import { type Bond, fixedCount, type Molecule } from "../molecule.ts";
import { elementPlaces, relax } from "../relax.ts";
import type { ForceField, TypedMolecule } from "./force_field.ts";
import { superposedRmsd } from "./rmsd.ts";

/**
 * How molecules are refined: not at all, by MMFF94 without charges, by MMFF94s with charges, or by the first of these fitted to QM9, where a molecule is further above its
 * minimum than QM9's own are.
 */
export const REFINES = ["none", "mmff94", "mmff94s", "mmff94-qm9"] as const;

/** One of {@link REFINES}. */
export type Refine = typeof REFINES[number];

/** One that moves molecules. */
export type RefineBy = Exclude<Refine, "none">;

/**
 * Why a molecule is given back as it was: RDKit takes it for none (`invalid`); it is larger than {@link ATOMS_MAX} (`size`); an atom lacks bonds, or the
 * force field has no type for it (`types`); in its minimum the distances mean other bonds, or none is found (`graph`);
 * it is no further above its minimum than the data's own molecules (`relaxed`).
 */
export const UNREFINED = ["invalid", "size", "types", "graph", "relaxed"] as const;

/** One of {@link UNREFINED}. */
export type Unrefined = typeof UNREFINED[number];

/**
 * Energies of the force field, in kcal/mol, above the local minimum, that of a molecule with fixed atoms while these stay: the lowest energy reached from the positions as drawn, by L-BFGS until the
 * gradient's root mean square is below {@link TOLERANCE}, or {@link ITERATIONS} steps are made. Never negative. Of a molecule of several
 * fragments it includes what these do to each other.
 */
export interface Strain {
  /** Of the positions as drawn. */
  readonly before: number;
  /** Of the positions given back: what the windows of bond orders cost. */
  readonly after: number;
}

/** What became of a molecule. */
export interface Refined {
  readonly refined: true;
  readonly strain: Strain;
  /** Root mean square move of the atoms after superposition, in angstrom. */
  readonly rmsd: number;
  /** `[n, 3]` angstrom. */
  readonly positions: Float32Array;
}

/** A molecule that stays as it was, and why. */
export interface NotRefined {
  readonly refined: false;
  readonly reason: Unrefined;
}

/** Refines molecules that are valid, and measures them. What comes of one depends on the molecule alone. */
export interface Refiner {
  /** @param bonds those that it carries, or that its distances mean */
  (molecule: Molecule, bonds: readonly Bond[], chemistry: Chemistry, by: RefineBy): Refined | NotRefined;
  /**
   * The energy of `mmff94`, kcal/mol, above the local minimum, of the positions as they are: {@link Strain.before}, whatever becomes of the graph
   * in the minimum. Undefined of a molecule for which the force field has no energy (`size`, `types`).
   */
  strainOf(molecule: Molecule, bonds: readonly Bond[], chemistry: Chemistry): number | undefined;
}

/** Most steps of the minimiser: with {@link TOLERANCE} half of QM9's molecules with noise end before 18, 95 % before 39. */
export const ITERATIONS = 200;

/** Root mean square of the gradient at a minimum, kcal/mol/angstrom. */
export const TOLERANCE = 0.01;

/** Most atoms: time grows with their square, some 30 ms of 80. */
export const ATOMS_MAX = 256;

/** Moves positions into the windows of the bonds. Returns whether the distances then mean just these. */
function settle(molecule: Molecule, bonds: readonly Bond[], chemistry: Chemistry): boolean {
  if (molecule.bonds) return molecule.positions.every(Number.isFinite);
  const { atomicNumbers, positions } = molecule, orders = orderMatrix(atomicNumbers.length, bonds);
  relax(positions, elementPlaces(atomicNumbers, chemistry), orders, { chemistry, held: fixedCount(molecule) });
  return distancesMean(molecule, orders, chemistry);
}

/** A molecule's energies by a force field; or why there are none. */
function typedBy(
  field: ForceField,
  molecule: Molecule,
  bonds: readonly Bond[],
  chemistry: Chemistry,
): TypedMolecule | "size" | "types" {
  if (molecule.atomicNumbers.length > ATOMS_MAX) return "size";
  // RDKit adds what hydrogens atoms lack, a force field does not.
  if (addedHydrogens(molecule, bonds, chemistry) !== 0) return "types";
  const told = chargedGraph(molecule, bonds, chemistry);
  return field.type(told.molecule, told.bonds) ?? "types";
}

/** How far the minimiser goes, and what stays. */
const minimumOf = (molecule: Molecule) => ({
  iterations: ITERATIONS,
  tolerance: TOLERANCE,
  frozen: fixedCount(molecule),
});

/** A refiner by force fields. */
export function createRefiner(fields: Readonly<Record<RefineBy, ForceField>>): Refiner {
  const refine = (molecule: Molecule, bonds: readonly Bond[], chemistry: Chemistry, by: RefineBy) => {
    const field = fields[by], typed = typedBy(field, molecule, bonds, chemistry);
    if (typeof typed === "string") return notRefined(typed);
    const found = typed.minimise(molecule.positions, minimumOf(molecule)), { before } = found;
    if (field.enough !== undefined && before - found.after <= field.enough) {
      return notRefined("relaxed");
    }
    const positions = Float32Array.from(found.positions);
    if (!settle({ ...molecule, positions }, bonds, chemistry)) return notRefined("graph");
    const after = typed.energy(positions), least = Math.min(found.after, after, before);
    return {
      refined: true as const,
      strain: { before: before - least, after: after - least },
      rmsd: superposedRmsd(molecule.positions, positions),
      positions,
    };
  };
  return Object.assign(refine, {
    strainOf(molecule: Molecule, bonds: readonly Bond[], chemistry: Chemistry) {
      const typed = typedBy(fields.mmff94, molecule, bonds, chemistry);
      if (typeof typed === "string") return undefined;
      const { before, after } = typed.minimise(molecule.positions, minimumOf(molecule));
      return Number.isFinite(before) ? before - after : undefined;
    },
  });
}

const notRefined = (reason: Unrefined): NotRefined => ({ refined: false, reason });
