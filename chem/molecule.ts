/**
 * A molecule as the service passes it around: what each atom is and where it stands. Bonds are perceived from
 * these (see `bonds.ts`), never carried along by a model.
 */
export interface Molecule {
  /** Atomic numbers, one an atom (hydrogens included). */
  readonly atomicNumbers: Uint8Array;
  /** Positions in angstrom, `[atoms, 3]` row-major. */
  readonly positions: Float32Array;
}

/** A bond between atoms `i < j` (zero-based) of order 1, 2 or 3. */
export interface Bond {
  readonly i: number;
  readonly j: number;
  readonly order: 1 | 2 | 3;
}
