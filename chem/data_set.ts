/** What a data set is, to whoever trains on it or measures against it. Which there are: `data_sets.ts`. */
import type { ChemistryName } from "./chemistry.ts";
import type { Molecule } from "./molecule.ts";

/** The parts of a split. */
export type Part = "train" | "valid" | "test";

/** What a heavy atom can be: atomic number, hydrogens, and a formal charge where it has one. */
export type NodeClass = readonly [element: number, hydrogens: number, charge?: number];

/** A data set in memory. A row is a molecule's place in it, from 0. */
export interface DataSet {
  /** As cards and commands know it: `qm9`. */
  readonly name: string;
  /** As tables and messages call it: `QM9`. */
  readonly label: string;
  /** What it is and how it is split, in words, for the cards of models. */
  readonly description: string;
  readonly splitWords: string;
  readonly chemistry: ChemistryName;
  /** What its heavy atoms can be, in the order of one-hot scalars. */
  readonly classes: readonly NodeClass[];
  /** Atoms in each molecule, hydrogens included. */
  readonly atomCounts: ArrayLike<number>;
  readonly split: Readonly<Record<Part, Int32Array>>;
  /** A fresh copy of one molecule; positions as in the data, not centred. */
  molecule(row: number): Molecule;
}
