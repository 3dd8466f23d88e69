/**
 * Parameters of bonds, angles and torsions by types: from the tables, from rows of more general types, or by the empirical rules of Halgren, J. Comput. Chem. 17,
 * 616 (1996), "MMFF.V", as far as RDKit and OpenChemLib found them in use.
 */
import type { Graph } from "./graph.ts";
import type { Property, Tables, Variant } from "./tables.ts";

/** A graph with its types, and what all lookups need. */
export interface Typed {
  readonly graph: Graph;
  readonly types: readonly number[];
  readonly tables: Tables;
  readonly variant: Variant;
}

/** What a type is. @throws TypeError where the tables lack it */
export function propertyOf({ tables, types }: Typed, atom: number): Property {
  const property = tables.properties[types[atom]];
  if (!property) throw new TypeError(`tables must have type ${types[atom]}; they do not`);
  return property;
}

/** Row of the periodic table, from 0 for hydrogen and helium. */
export const rowOf = (element: number): number => [2, 10, 18, 36, 54].findIndex((last) => element <= last);

/** 1 for a single bond between atoms that could have had a double one, or between aromatic rings. */
export function bondType(typed: Typed, i: number, j: number): number {
  const a = propertyOf(typed, i), b = propertyOf(typed, j);
  return typed.graph.plainOrder(i, j) === 1 && (a.bridge && b.bridge || a.aromatic && b.aromatic) ? 1 : 0;
}

/** A bond's length, angstrom, and its force constant, millidyne / angstrom. */
export interface BondParameters {
  readonly length: number;
  readonly force: number;
}

/** Row of Herschbach and Laurie's rule: 0 for hydrogen alone, tenfold for transition metals. */
function badgerRow(element: number): number {
  const row = element === 1 ? 0 : rowOf(element) + 1;
  return element >= 21 && element <= 30 || element >= 39 && element <= 48 ? 10 * row : row;
}

/** By covalent radii, electronegativities, and Badger's rule. */
function empiricalBond({ graph: { elements }, tables }: Typed, i: number, j: number): BondParameters {
  const [low, high] = [elements[i], elements[j]].sort((a, b) => a - b);
  const a = tables.radii.get(low), b = tables.radii.get(high);
  if (!a || !b) throw new RangeError(`bonds must be of elements that MMFF94 has radii of; got ${low} and ${high}`);
  const length = a[0] + b[0] - (low === 1 ? 0.05 : 0.085) * Math.abs(a[1] - b[1]) ** 1.4;
  const known = tables.bondElements.get(low, high);
  if (known) return { length, force: known[1] * (known[0] / length) ** 6 };
  const [first, second] = [badgerRow(low), badgerRow(high)].sort((x, y) => x - y);
  const badger = tables.bondRows.get(first, second);
  if (!badger) throw new RangeError(`bonds must be of rows that Badger's rule has; got ${first} and ${second}`);
  return { length, force: 10 ** ((badger[0] - length) / badger[1]) };
}

/** Of a bond. @throws RangeError for elements that neither tables nor rules have */
export function bondParameters(typed: Typed, i: number, j: number): BondParameters {
  const { types, tables } = typed, [low, high] = [types[i], types[j]].sort((a, b) => a - b);
  const row = tables.bonds.get(bondType(typed, i, j), low, high);
  return row ? { force: row[0], length: row[1] } : empiricalBond(typed, i, j);
}

/** 3 or 4 where an angle i-j-k is in a ring of so many, else 0. */
function smallRing({ graph: { neighbours, order } }: Typed, i: number, j: number, k: number): number {
  if (order(i, k) > 0) return 3;
  return neighbours[i].some((next) => next !== j && order(next, k) > 0) ? 4 : 0;
}

/** Halgren's angle type: bonds of type 1 in it, and rings of three and four. */
export function angleType(typed: Typed, i: number, j: number, k: number): number {
  const bonds = bondType(typed, i, j) + bondType(typed, j, k), ring = smallRing(typed, i, j, k);
  if (ring === 0) return bonds;
  return bonds === 0 ? ring : 2 * ring + bonds - 2;
}

/** An angle at rest, degrees, and its force constant, millidyne angstrom / radian^2. */
export interface AngleParameters {
  readonly angle: number;
  readonly force: number;
}

/** Z and C of the elements in the empirical rule (MMFF.V, table VI). */
const ANGLE_Z: Readonly<Record<number, number>> = {
  ...{ 1: 1.395, 6: 2.494, 7: 2.711, 8: 3.045, 9: 2.847, 14: 2.35, 15: 2.35, 16: 2.98, 17: 2.909, 35: 3.017 },
  53: 3.086,
};
const ANGLE_C: Readonly<Record<number, number>> = {
  ...{ 6: 1.016, 7: 1.113, 8: 1.337, 14: 0.811, 15: 1.068, 16: 1.249, 17: 1.078 },
};

function empiricalAngle(typed: Typed, j: number, ring: number): number {
  if (ring > 0) return ring === 3 ? 60 : 90;
  const { neighbours, valence, multiple, linear } = propertyOf(typed, j), element = typed.graph.elements[j];
  if (neighbours === 4) return 109.45;
  if (neighbours === 2 && element === 8) return 105;
  if (neighbours === 2 && linear) return 180;
  if (neighbours === 3 && valence === 3 && multiple === 0) return element === 7 ? 107 : 92;
  return 120;
}

function empiricalBend(typed: Typed, i: number, j: number, k: number, angle: number, ring: number): number {
  const { elements } = typed.graph, [a, b] = [bondParameters(typed, i, j).length, bondParameters(typed, j, k).length];
  const factor = (ANGLE_Z[elements[i]] ?? 0) * (ANGLE_C[elements[j]] ?? 0) * (ANGLE_Z[elements[k]] ?? 0);
  const beta = 1.75 * (ring === 4 ? 0.85 : ring === 3 ? 0.05 : 1);
  return beta * factor / ((a + b) * (angle * Math.PI / 180) ** 2 * Math.exp(2 * ((a - b) / (a + b)) ** 2));
}

/** Of the angle i-j-k. */
export function angleParameters(typed: Typed, i: number, j: number, k: number): AngleParameters {
  const { types, tables } = typed, type = angleType(typed, i, j, k), ring = smallRing(typed, i, j, k);
  for (let level = 1; level <= 4; level++) {
    const ends = [i, k].map((atom) => tables.levels[types[atom]]![level]).sort((a, b) => a - b);
    const row = tables.angles.get(type, ends[0], types[j], ends[1]);
    if (!row) continue;
    return { angle: row[1], force: row[0] || empiricalBend(typed, i, j, k, row[1], ring) };
  }
  const angle = empiricalAngle(typed, j, ring);
  return { angle, force: empiricalBend(typed, i, j, k, angle, ring) };
}

/** Stretch-bend types by angle types; of the two with one bond of type 1, whether it is the first. */
const STRETCH_BEND = [[0, 0], [1, 2], [3, 3], [5, 5], [4, 4], [6, 7], [8, 8], [9, 10], [11, 11]];

/** The constants of i-j and of k-j with the angle i-j-k, millidyne / radian. */
export function stretchBendParameters(typed: Typed, i: number, j: number, k: number): readonly [number, number] {
  const { types, tables, graph: { elements } } = typed, a = types[i], c = types[k];
  const bonds = [bondType(typed, i, j), bondType(typed, j, k)];
  const swap = a > c || a === c && bonds[0] < bonds[1];
  const first = a <= c ? bonds[0] : bonds[1], second = a < c ? bonds[1] : bonds[0];
  const type = STRETCH_BEND[angleType(typed, i, j, k)][first || first === second ? 0 : 1];
  const row = tables.stretchBends.get(type, Math.min(a, c), types[j], Math.max(a, c));
  if (row) return swap ? [row[1], row[0]] : [row[0], row[1]];
  const ends = [rowOf(elements[i]), rowOf(elements[k])], centre = rowOf(elements[j]);
  const general = tables.stretchBendRows.get(Math.min(...ends), centre, Math.max(...ends)) ?? [0, 0];
  return ends[0] > ends[1] ? [general[1], general[0]] : [general[0], general[1]];
}

/** The constant of the three angles out of the plane of a centre and three neighbours, millidyne angstrom / radian^2; 0 where there is none. */
export function outOfPlaneParameter(
  { types, tables, variant }: Typed,
  centre: number,
  around: readonly number[],
): number {
  const { outOfPlane } = tables.variants[variant];
  for (let level = 1; level <= 4; level++) {
    const [a, b, c] = around.map((atom) => tables.levels[types[atom]]![level]).sort((x, y) => x - y);
    const row = outOfPlane.get(a, types[centre], b, c);
    if (row) return row[0];
  }
  return 0;
}
