/**
 * A molecule as the service passes it around: what each atom is and where it stands. Bonds are perceived from these (see `bonds.ts`),
 * unless the molecule carries them: of a model whose chemistry is of graphs (`chemistry.ts`), or from a file.
 */
export interface Molecule {
  /** Atomic numbers, one an atom (hydrogens included). */
  readonly atomicNumbers: Uint8Array;
  /** Positions in angstrom, `[atoms, 3]` row-major. */
  readonly positions: Float32Array;
  /** Known bonds, in ascending order of i, then j. Absent where they are to be perceived. */
  readonly bonds?: readonly Bond[];
  /** Known formal charges, one an atom. Absent where all are zero, or nothing is known of them. */
  readonly charges?: Int8Array;
  /** Its first atoms, where they were given and not drawn: they stay where they are, whatever moves the others. */
  readonly fixed?: FixedAtoms;
}

/** The first atoms of a molecule as they were given. */
export interface FixedAtoms {
  /** Where they are, angstrom, `[fixed atoms, 3]`. */
  readonly positions: Float32Array;
  /** The bonds among them, which are never perceived, in ascending order of i, then j. */
  readonly bonds: readonly Bond[];
}

/** How many atoms of a molecule are fixed: its first ones. */
export const fixedCount = ({ fixed }: Pick<Molecule, "fixed">): number => (fixed?.positions.length ?? 0) / 3;

/** A bond between atoms `i < j` (zero-based) of order 1, 2 or 3. */
export interface Bond {
  readonly i: number;
  readonly j: number;
  readonly order: 1 | 2 | 3;
}
