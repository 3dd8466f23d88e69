/** Distances, angles and torsions of positions `[atoms, 3]` in angstrom; angles in degrees. */
import { cross, dot, lengthOf, type Vector } from "../vectors.ts";

const DEGREES = 180 / Math.PI;

/** From atom `a` to atom `b`. */
export const between = (x: Float32Array, a: number, b: number): Vector => [
  x[3 * b] - x[3 * a],
  x[3 * b + 1] - x[3 * a + 1],
  x[3 * b + 2] - x[3 * a + 2],
];

/** The angle between two vectors, 0 to 180; 0 where one has no length. */
export function angleBetween(a: Vector, b: Vector): number {
  const lengths = lengthOf(a) * lengthOf(b);
  return lengths === 0 ? 0 : Math.acos(Math.min(1, Math.max(-1, dot(a, b) / lengths))) * DEGREES;
}

/** The angle at `middle`. */
export const angleAt = (x: Float32Array, a: number, middle: number, b: number): number =>
  angleBetween(between(x, middle, a), between(x, middle, b));

/** The torsion a-i-j-b, -180 to 180 by IUPAC's sign: positive where, along i to j, b is clockwise from a. 0 where three atoms are in line. */
export function torsion(x: Float32Array, a: number, i: number, j: number, b: number): number {
  const first = between(x, a, i), axis = between(x, i, j), last = between(x, j, b);
  const n = cross(first, axis), m = cross(axis, last);
  return Math.atan2(lengthOf(axis) * dot(first, m), dot(n, m)) * DEGREES;
}

/** How far a torsion is from flat, 0 to 90: from 0 or 180, whichever is nearer. */
export const fromFlat = (degrees: number): number => Math.min(Math.abs(degrees), 180 - Math.abs(degrees));
