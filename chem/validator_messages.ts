/** What a validating worker is asked and answers: molecules and bonds as flat arrays, which are handed over, not copied. */
import type { Bond, Molecule } from "./molecule.ts";
import type { ValidateOptions, Validation } from "./validator.ts";

/** Molecules, one after another. */
export interface PackedMolecules {
  /** Atoms of each. */
  readonly atoms: Uint32Array;
  readonly atomicNumbers: Uint8Array;
  /** `[all atoms, 3]`, angstrom. */
  readonly positions: Float32Array;
  /** What else each carries, where some molecule carries anything. */
  readonly carried?: readonly Omit<Molecule, "atomicNumbers" | "positions">[];
}

/** The bonds of several molecules, one after another. */
export interface PackedBonds {
  /** Bonds of each. */
  readonly counts: Uint32Array;
  /** `[all bonds, 3]`: i, j, order. */
  readonly bonds: Uint32Array;
}

/** A question: judge these. A worker answers in the order in which it is asked. */
export interface Question {
  readonly molecules: PackedMolecules;
  readonly options: ValidateOptions;
}

/** An answer. */
export interface Verdicts {
  readonly verdicts: readonly Omit<Validation, "bonds">[];
  readonly bonds: PackedBonds;
}

/** The memory that a message hands over. */
export const buffersOf = (...arrays: (Uint8Array | Uint32Array | Float32Array)[]): ArrayBuffer[] =>
  arrays.map(({ buffer }) => buffer as ArrayBuffer);

/** Whether a molecule survives being packed: one whose positions do not match its atoms does not. */
export const packable = ({ atomicNumbers, positions }: Molecule) => positions.length === 3 * atomicNumbers.length;

/** Copies molecules into flat arrays. They must be {@link packable}. */
export function packMolecules(molecules: readonly Molecule[]): PackedMolecules {
  const atoms = Uint32Array.from(molecules, ({ atomicNumbers }) => atomicNumbers.length);
  const all = atoms.reduce((sum, n) => sum + n, 0);
  const atomicNumbers = new Uint8Array(all), positions = new Float32Array(3 * all);
  let at = 0;
  for (const molecule of molecules) {
    atomicNumbers.set(molecule.atomicNumbers, at);
    positions.set(molecule.positions, 3 * at);
    at += molecule.atomicNumbers.length;
  }
  const known = molecules.some(({ bonds, charges, fixed }) => bonds ?? charges ?? fixed);
  return {
    atoms,
    atomicNumbers,
    positions,
    ...(known && { carried: molecules.map(({ bonds, charges, fixed }) => ({ bonds, charges, fixed })) }),
  };
}

/** The molecules, as views of the flat arrays. */
export function unpackMolecules({ atoms, atomicNumbers, positions, carried }: PackedMolecules): Molecule[] {
  let at = 0;
  return Array.from(atoms, (n, k) => {
    const from = at;
    at += n;
    const own = { atomicNumbers: atomicNumbers.subarray(from, at), positions: positions.subarray(3 * from, 3 * at) };
    return { ...own, ...carried?.[k] };
  });
}

/** Bonds, a list a molecule, into flat arrays. */
export function packBonds(lists: readonly (readonly Bond[])[]): PackedBonds {
  const counts = Uint32Array.from(lists, ({ length }) => length);
  const bonds = new Uint32Array(3 * counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (const list of lists) {
    for (const { i, j, order } of list) {
      bonds[at++] = i;
      bonds[at++] = j;
      bonds[at++] = order;
    }
  }
  return { counts, bonds };
}

/** The lists again. */
export function unpackBonds({ counts, bonds }: PackedBonds): Bond[][] {
  let at = 0;
  return Array.from(counts, (count) =>
    Array.from({ length: count }, () => {
      const bond = { i: bonds[at], j: bonds[at + 1], order: bonds[at + 2] as Bond["order"] };
      at += 3;
      return bond;
    }));
}
