/**
 * MMFF94 or MMFF94s for one molecular graph, with charges or without, as flat numbers: which atoms each term is of, and its constants. Made once a graph; energies,
 * gradients and minimisation are the engine's (`model/engines/c/mmff94.ts`).
 *
 * Halgren, J. Comput. Chem. 17, 490, 520, 553, 587 and 616 (1996), MMFF.I to MMFF.V; 20, 720 (1999), MMFF.VI, of MMFF94s.
 */
import { coulombOf } from "./charges.ts";
import { type Graph, graphOf, type Topology } from "./graph.ts";
import {
  angleParameters,
  bondParameters,
  outOfPlaneParameter,
  propertyOf,
  stretchBendParameters,
  type Typed,
} from "./lookup.ts";
import { corrected, type Corrections } from "./corrections.ts";
import { type Found, type Rows, type Term, termNames, TERMS } from "./terms.ts";
import type { Tables, Variant } from "./tables.ts";
import { torsionParameters } from "./torsions.ts";
import { atomTypes } from "./types.ts";
import { pairsOf } from "./pairs.ts";

/** A molecule's force field. */
export interface ForceField {
  readonly atoms: number;
  /** MMFF94's types, one an atom. */
  readonly types: readonly number[];
  /** The number of atoms, then of terms of each kind. */
  readonly counts: Int32Array;
  /** Atoms of all terms, kind by kind. */
  readonly indices: Int32Array;
  /** Constants of all terms, kind by kind. */
  readonly constants: Float64Array;
}

/** Which force field. */
export interface FieldOptions {
  /** Default `mmff94`. */
  readonly variant?: Variant;
  /** Whether it has charges. Default not. */
  readonly charges?: boolean;
  /** Corrections of parameters. */
  readonly corrections?: Corrections;
}

/** MMFF94s with charges, all that the published force field has. */
export const MMFF94S = { variant: "mmff94s", charges: true } as const satisfies FieldOptions;

/** Why there is no force field. */
export interface Untyped {
  readonly atoms?: undefined;
  /** The first atom that MMFF94 has no type for. */
  readonly untyped: number;
}

function addAngles(typed: Typed, { bends, linears, planes }: Rows, j: number): void {
  const near = typed.graph.neighbours[j];
  for (const [place, i] of near.entries()) {
    for (const k of near.slice(place + 1)) {
      const { angle, force } = angleParameters(typed, i, j, k);
      if (propertyOf(typed, j).linear) linears.push([i, j, k, force]);
      else {
        const lengths = [i, k].map((end) => bondParameters(typed, end, j).length);
        bends.push([i, j, k, angle * Math.PI / 180, force, ...lengths, ...stretchBendParameters(typed, i, j, k)]);
      }
    }
  }
  const force = near.length === 3 ? outOfPlaneParameter(typed, j, near) : 0;
  if (force !== 0) planes.push([j, ...near, force]);
}

/** Whether a torsion can have this atom in its middle: not a carbon or nitrogen between two double bonds, or at a triple one. */
function turns({ elements, neighbours, valences }: Graph, atom: number): boolean {
  const bonds = neighbours[atom].length, linear = elements[atom] <= 7 && bonds === 2 && valences[atom] === 4;
  return bonds > 1 && bonds <= 4 && !linear;
}

function addTorsions(typed: Typed, { torsions }: Rows, j: number, k: number): void {
  const { graph } = typed;
  if (!turns(graph, j) || !turns(graph, k)) return;
  for (const i of graph.neighbours[j].filter((atom) => atom !== k)) {
    for (const l of graph.neighbours[k].filter((atom) => atom !== j && atom !== i)) {
      const constants = torsionParameters(typed, [i, j, k, l]);
      if (constants.some((value) => value !== 0)) torsions.push([i, j, k, l, ...constants]);
    }
  }
}

/** Terms as flat numbers. */
export function flatField(types: readonly number[], rows: Rows): ForceField {
  const part = (from: (term: Term) => [number, number | undefined]) =>
    termNames.flatMap((term) => rows[term].flatMap((row) => row.slice(...from(term))));
  return {
    atoms: types.length,
    types,
    counts: Int32Array.of(types.length, ...termNames.map((term) => rows[term].length)),
    indices: Int32Array.from(part((term) => [0, TERMS[term].atoms])),
    constants: Float64Array.from(part((term) => [TERMS[term].atoms, undefined])),
  };
}

/**
 * Types a graph and looks its parameters up.
 *
 * @returns where MMFF94 has no type for an atom, which
 * @throws RangeError for bonds between atoms that are not there, or of elements that no rule covers
 */
export function termsOf(
  topology: Topology,
  tables: Tables,
  { variant = "mmff94", charges = false }: Omit<FieldOptions, "corrections"> = {},
): Found | Untyped {
  const graph = graphOf(topology), types = atomTypes(graph), untyped = types.indexOf(0);
  if (untyped >= 0) return { untyped };
  const typed: Typed = { graph, types, tables, variant }, pairs = pairsOf(typed);
  const rows: Rows = {
    ...{ bonds: [], bends: [], linears: [], planes: [], torsions: [], pairs },
    charges: charges ? coulombOf(typed, pairs) : [],
  };
  for (const { i, j } of topology.bonds) {
    const { length, force } = bondParameters(typed, i, j);
    rows.bonds.push([i, j, length, force]);
    addTorsions(typed, rows, i, j);
  }
  for (const atom of types.keys()) addAngles(typed, rows, atom);
  return { graph, types, rows };
}

/**
 * The force field of a graph, as flat numbers.
 *
 * @returns where MMFF94 has no type for an atom, which
 * @throws RangeError for bonds between atoms that are not there, or of elements that no rule covers
 */
export function forceFieldOf(
  topology: Topology,
  tables: Tables,
  { corrections, ...asked }: FieldOptions = {},
): ForceField | Untyped {
  const found = termsOf(topology, tables, asked);
  if ("untyped" in found) return found;
  return flatField(found.types, corrections ? corrected(found, corrections) : found.rows);
}
