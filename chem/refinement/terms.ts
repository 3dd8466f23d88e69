/** The terms of a force field for one molecule, as flat arrays: atoms of each term, then its parameters. */

/** Terms of one kind: those of term `k` are `atoms[k * arity, ...)` and `values[k * width, ...)`. */
export interface TermList {
  readonly atoms: Uint16Array;
  readonly values: Float64Array;
}

/** Kinds of terms of MMFF94, without charges. */
export const TERM_KINDS = {
  /** Atoms i, j; r0 in angstrom, kb in md/angstrom. */
  stretch: { arity: 2, width: 2 },
  /** Atoms i, j, k about j; theta0 in degrees, ka in md angstrom/rad^2, 1 where j is linear, else 0. */
  bend: { arity: 3, width: 3 },
  /** Atoms i, j, k about j; theta0 in degrees, r0 of ij and of kj in angstrom, their constants in md/rad. */
  stretchBend: { arity: 3, width: 5 },
  /** The centre, then three neighbours, the last out of the plane of the others; koop in md angstrom/rad^2. */
  outOfPlane: { arity: 4, width: 1 },
  /** Atoms i, j, k, l about the bond jk; V1, V2, V3 in kcal/mol. */
  torsion: { arity: 4, width: 3 },
  /** Atoms i, j; the distance of the minimum in angstrom, its depth in kcal/mol. */
  vanDerWaals: { arity: 2, width: 2 },
} as const;

/** A kind of term. */
export type TermKind = keyof typeof TERM_KINDS;

/** All terms of a molecule. They depend on its graph alone. */
export type Terms = Readonly<Record<TermKind, TermList>>;
