/** The kinds of terms, and the terms of a graph before they are flat numbers. */
import type { Graph } from "./graph.ts";

/** The kinds of terms in the order of their numbers: atoms, and constants, of one term. */
export const TERMS = {
  /** Length (angstrom), force constant (md / angstrom). */
  bonds: { atoms: 2, constants: 2 },
  /** Angle with its stretch-bend; i, j (centre), k: angle (rad), force constant (md angstrom / rad^2), lengths of i-j and k-j, their constants with the angle (md / rad). */
  bends: { atoms: 3, constants: 6 },
  /** Angle at a linear centre: force constant. */
  linears: { atoms: 3, constants: 1 },
  /** Centre and its three neighbours: one constant of all three angles (md angstrom / rad^2). */
  planes: { atoms: 4, constants: 1 },
  /** V1, V2, V3 (kcal/mol). */
  torsions: { atoms: 4, constants: 3 },
  /** Distance of least energy (angstrom), depth (kcal/mol). */
  pairs: { atoms: 2, constants: 2 },
  /** Of each pair in its turn, where there are charges: both charges' product as an energy (kcal/mol angstrom). */
  charges: { atoms: 0, constants: 1 },
} as const;

/** A kind of term. */
export type Term = keyof typeof TERMS;

/** Their names. */
export const termNames = Object.keys(TERMS) as Term[];

/** Terms, kind by kind: atoms, then constants. */
export type Rows = Readonly<Record<Term, number[][]>>;

/** A graph with its types and terms, before they are flat. */
export interface Found {
  readonly graph: Graph;
  readonly types: readonly number[];
  readonly rows: Rows;
}
