/**
 * Energy and gradient of MMFF94 without its electrostatic term (Halgren 1996, J. Comput. Chem. 17, 490; equations 2 to 8), as in
 * openchemlib and RDKit.
 */
import type { TermList, Terms } from "./terms.ts";

/** md angstrom in kcal/mol. */
const MDYNE = 143.9325;
const RADIAN = 180 / Math.PI;
/** Of an angle's or a plane's square in degrees. */
const SQUARE = MDYNE / RADIAN ** 2;
/** Cubic constants of stretching, 1/angstrom, and bending, 1/degree. */
const STRETCH = -2, BEND = -0.4 / RADIAN;
/** Sines and lengths are at least that, so that nothing is divided by zero. */
const LEAST = 1e-8;

/** A function of positions `[3 n]`, in angstrom, that writes its gradient in kcal/mol/angstrom and gives its value in kcal/mol. */
export type Potential = (x: Float64Array, gradient: Float64Array) => number;

/** The energy of a molecule by its terms. Gradients are exact but for angles of 180 degrees that are not of a linear atom. */
export function potentialOf(terms: Terms): Potential {
  return (x, g) => {
    g.fill(0);
    return stretches(terms.stretch, x, g) + bends(terms.bend, x, g) + stretchBends(terms.stretchBend, x, g) +
      outOfPlanes(terms.outOfPlane, x, g) + torsions(terms.torsion, x, g) + vanDerWaals(terms.vanDerWaals, x, g);
  };
}

/** Adds the gradient of a function of the distance of i and j, of slope `slope`. */
function push(x: Float64Array, g: Float64Array, i: number, j: number, distance: number, slope: number) {
  const by = slope / Math.max(distance, LEAST);
  for (let axis = 0; axis < 3; axis++) {
    const part = by * (x[i + axis] - x[j + axis]);
    g[i + axis] += part, g[j + axis] -= part;
  }
}

function distance(x: Float64Array, i: number, j: number): number {
  const a = x[i] - x[j], b = x[i + 1] - x[j + 1], c = x[i + 2] - x[j + 2];
  return Math.sqrt(a * a + b * b + c * c);
}

function stretches({ atoms, values }: TermList, x: Float64Array, g: Float64Array): number {
  let energy = 0;
  for (let at = 0; at < atoms.length; at += 2) {
    const i = 3 * atoms[at], j = 3 * atoms[at + 1], r = distance(x, i, j), d = r - values[at];
    const half = 0.5 * MDYNE * values[at + 1];
    energy += half * d * d * (1 + STRETCH * d + (7 / 12) * STRETCH * STRETCH * d * d);
    push(x, g, i, j, r, half * d * (2 + 3 * STRETCH * d + (7 / 3) * STRETCH * STRETCH * d * d));
  }
  return energy;
}

/** The angle at j, written over at each call: unit vectors to i and k, their lengths, the cosine. */
const angle = { u: new Float64Array(3), v: new Float64Array(3), i: 0, k: 0, cosine: 0 };

function setAngle(x: Float64Array, i: number, j: number, k: number) {
  const { u, v } = angle, toI = Math.max(distance(x, i, j), LEAST), toK = Math.max(distance(x, k, j), LEAST);
  for (let axis = 0; axis < 3; axis++) {
    u[axis] = (x[i + axis] - x[j + axis]) / toI;
    v[axis] = (x[k + axis] - x[j + axis]) / toK;
  }
  angle.i = toI, angle.k = toK;
  angle.cosine = Math.min(1, Math.max(-1, u[0] * v[0] + u[1] * v[1] + u[2] * v[2]));
}

/** Adds the gradient of a function of the angle, `slope` by its cosine, and of the two lengths. */
function pushAngle(g: Float64Array, i: number, j: number, k: number, slope: number, byI: number, byK: number) {
  const { u, v, cosine } = angle, overI = slope / angle.i, overK = slope / angle.k;
  for (let axis = 0; axis < 3; axis++) {
    const atI = overI * (v[axis] - cosine * u[axis]) + byI * u[axis];
    const atK = overK * (u[axis] - cosine * v[axis]) + byK * v[axis];
    g[i + axis] += atI, g[k + axis] += atK, g[j + axis] -= atI + atK;
  }
}

const sine = (cosine: number) => Math.max(Math.sqrt(Math.max(0, 1 - cosine * cosine)), LEAST);

function bends({ atoms, values }: TermList, x: Float64Array, g: Float64Array): number {
  let energy = 0;
  for (let at = 0; at < atoms.length; at += 3) {
    const i = 3 * atoms[at], j = 3 * atoms[at + 1], k = 3 * atoms[at + 2], ka = values[at + 1];
    setAngle(x, i, j, k);
    const { cosine } = angle;
    if (values[at + 2] !== 0) {
      energy += MDYNE * ka * (1 + cosine);
      pushAngle(g, i, j, k, MDYNE * ka, 0, 0);
      continue;
    }
    const d = RADIAN * Math.acos(cosine) - values[at];
    energy += 0.5 * SQUARE * ka * d * d * (1 + BEND * d);
    pushAngle(g, i, j, k, -RADIAN * SQUARE * ka * d * (1 + 1.5 * BEND * d) / sine(cosine), 0, 0);
  }
  return energy;
}

function stretchBends({ atoms, values }: TermList, x: Float64Array, g: Float64Array): number {
  let energy = 0;
  for (let term = 0; 3 * term < atoms.length; term++) {
    const i = 3 * atoms[3 * term], j = 3 * atoms[3 * term + 1], k = 3 * atoms[3 * term + 2], at = 5 * term;
    setAngle(x, i, j, k);
    const d = RADIAN * Math.acos(angle.cosine) - values[at], unit = MDYNE / RADIAN;
    const byI = values[at + 3], byK = values[at + 4];
    const stretched = unit * (byI * (angle.i - values[at + 1]) + byK * (angle.k - values[at + 2]));
    energy += stretched * d;
    pushAngle(g, i, j, k, -RADIAN * stretched / sine(angle.cosine), unit * byI * d, unit * byK * d);
  }
  return energy;
}

type Vector = [x: number, y: number, z: number];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const length = (a: Vector) => Math.sqrt(dot(a, a));
const between = (x: Float64Array, from: number, to: number): Vector => [
  x[to] - x[from],
  x[to + 1] - x[from + 1],
  x[to + 2] - x[from + 2],
];
/** The gradient of the cosine of a and b by a, times `slope`. */
const cosineSlope = (a: Vector, b: Vector, la: number, lb: number, cosine: number, slope: number): Vector => {
  const p = slope / (la * lb), q = slope * cosine / (la * la);
  return [p * b[0] - q * a[0], p * b[1] - q * a[1], p * b[2] - q * a[2]];
};

function outOfPlanes({ atoms, values }: TermList, x: Float64Array, g: Float64Array): number {
  let energy = 0;
  for (let term = 0; term < values.length; term++) {
    const j = 3 * atoms[4 * term], i = 3 * atoms[4 * term + 1], k = 3 * atoms[4 * term + 2];
    const l = 3 * atoms[4 * term + 3];
    const a = between(x, j, i), b = between(x, j, k), c = between(x, j, l), normal = cross(a, b);
    const ln = length(normal), lc = length(c);
    if (ln < LEAST || lc < LEAST) continue;
    // The angle of c with the plane of a and b: its sine is the cosine with the normal.
    const s = Math.min(1, Math.max(-1, dot(normal, c) / (ln * lc))), chi = RADIAN * Math.asin(s);
    energy += 0.5 * SQUARE * values[term] * chi * chi;
    const slope = RADIAN * SQUARE * values[term] * chi / sine(s);
    const byNormal = cosineSlope(normal, c, ln, lc, s, slope), byC = cosineSlope(c, normal, lc, ln, s, slope);
    const byA = cross(b, byNormal), byB = cross(byNormal, a);
    for (let axis = 0; axis < 3; axis++) {
      g[i + axis] += byA[axis], g[k + axis] += byB[axis], g[l + axis] += byC[axis];
      g[j + axis] -= byA[axis] + byB[axis] + byC[axis];
    }
  }
  return energy;
}

function torsions({ atoms, values }: TermList, x: Float64Array, g: Float64Array): number {
  let energy = 0;
  for (let term = 0; 4 * term < atoms.length; term++) {
    const i = 3 * atoms[4 * term], j = 3 * atoms[4 * term + 1], k = 3 * atoms[4 * term + 2];
    const l = 3 * atoms[4 * term + 3], v1 = values[3 * term], v2 = values[3 * term + 1], v3 = values[3 * term + 2];
    const a = between(x, j, i), b = between(x, j, k), d = between(x, k, l);
    const first = cross(a, b), second = cross(d, b), l1 = length(first), l2 = length(second);
    if (l1 < LEAST || l2 < LEAST) continue;
    // With the multiple angles' cosines as polynomials of one, no sine is divided by.
    const c = Math.min(1, Math.max(-1, dot(first, second) / (l1 * l2)));
    energy += 0.5 * (v1 * (1 + c) + v2 * (2 - 2 * c * c) + v3 * (1 + (4 * c * c - 3) * c));
    const slope = 0.5 * (v1 - 4 * v2 * c + v3 * (12 * c * c - 3));
    const byFirst = cosineSlope(first, second, l1, l2, c, slope);
    const bySecond = cosineSlope(second, first, l2, l1, c, slope);
    const byA = cross(b, byFirst), byD = cross(b, bySecond), p = cross(byFirst, a), q = cross(bySecond, d);
    for (let axis = 0; axis < 3; axis++) {
      const byB = p[axis] + q[axis];
      g[i + axis] += byA[axis], g[l + axis] += byD[axis];
      g[j + axis] -= byA[axis] + byB, g[k + axis] += byB - byD[axis];
    }
  }
  return energy;
}

/** Halgren's buffered 14-7. */
function vanDerWaals({ atoms, values }: TermList, x: Float64Array, g: Float64Array): number {
  let energy = 0;
  for (let at = 0; at < atoms.length; at += 2) {
    const i = 3 * atoms[at], j = 3 * atoms[at + 1], r = distance(x, i, j), q = r / values[at], depth = values[at + 1];
    const q2 = q * q, q6 = q2 * q2 * q2, t = 1.07 / (q + 0.07), t2 = t * t, t7 = depth * t2 * t2 * t2 * t;
    const s = q6 * q + 0.12;
    energy += t7 * (1.12 / s - 2);
    push(x, g, i, j, r, t7 / values[at] * (-7.84 * q6 / (s * s) + (14 - 7.84 / s) / (q + 0.07)));
  }
  return energy;
}
