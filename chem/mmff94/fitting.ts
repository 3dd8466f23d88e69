/**
 * Corrections that make molecules of data minima of the force field. At a minimum the gradient g is zero; what remains of it costs g' H^-1 g / 2, the energy that a step
 * to the minimum would take out. The sum of that over molecules, and of the squares of corrections in units of what they may be, is least squares in the corrections
 * (Gauss and Newton), as gradients are linear in them but for the anharmonic terms.
 */
import {
  CORRECTED,
  type CorrectedTerm,
  correctedTerms,
  type Corrections,
  type Keys,
  keysOf,
  kindOf,
} from "./corrections.ts";
import { cross, dot, lengthOf, minus, plus, scaled, type Vector } from "../vectors.ts";
import type { Found } from "./terms.ts";

/** md angstrom in kcal/mol, and the cubic constants of lengths (1/angstrom) and angles (1/radian), as the engine has them. */
const MD = 143.9325, CUBIC_LENGTH = -2, CUBIC_ANGLE = -0.4;

/** What corrections may be, by kind and by how fine the key is: standard deviations before anything is known. */
const SPREAD: Readonly<Record<CorrectedTerm, readonly number[]>> = {
  bonds: [0.02, 0.01, 0.01],
  bends: [0.06, 0.04, 0.03],
  planes: [0.02, 0.01],
  torsions: [0.8, 0.4, 0.4],
};

/** What a degree of freedom may keep, kcal/mol. */
const RESIDUE = 0.1;

/** On the diagonal of the Hessian, kcal/mol/angstrom^2. */
const SOFT = 0.5;

/** Torsions about a bond keep MMFF94's stiffness where the data stand, or that of a hydroxyl group, kcal/mol/radian^2; to within a share of it. */
const STIFF = 4, LOOSE = 0.4;

/** A molecule to fit to. */
export interface Example {
  readonly found: Found;
  /** Angstrom, `[atoms, 3]`. */
  readonly positions: Float64Array;
}

/** A correction that is fitted. */
export interface Parameter {
  readonly key: string;
  readonly kind: CorrectedTerm;
  /** Its standard deviation before anything is known. */
  readonly spread: number;
  /** Of its first number among all that are fitted. */
  readonly at: number;
}

/** Counts the molecules that have each key. */
export function countKeys(counts: Map<string, number>, keys: Keys): void {
  const own = new Set(correctedTerms.flatMap((kind) => keys[kind].flat()));
  for (const key of own) counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Slopes of a coordinate at its atoms. */
type Sparse = { readonly atoms: readonly number[]; readonly by: Float64Array };

const at = (x: Float64Array, i: number): Vector => [x[3 * i], x[3 * i + 1], x[3 * i + 2]];

function distanceOf(x: Float64Array, i: number, j: number): { r: number; slopes: Sparse } {
  const u = minus(at(x, i), at(x, j)), r = lengthOf(u), e = scaled(u, 1 / r);
  return { r, slopes: { atoms: [i, j], by: Float64Array.of(...e, ...scaled(e, -1)) } };
}

function angleOf(x: Float64Array, i: number, j: number, k: number): { angle: number; slopes: Sparse } {
  const u = minus(at(x, i), at(x, j)), v = minus(at(x, k), at(x, j)), lu = lengthOf(u), lv = lengthOf(v);
  const a = scaled(u, 1 / lu), b = scaled(v, 1 / lv), c = Math.min(1, Math.max(-1, dot(a, b)));
  const over = -1 / Math.max(Math.sqrt(1 - c * c), 1e-4);
  const first = scaled(minus(b, scaled(a, c)), over / lu), last = scaled(minus(a, scaled(b, c)), over / lv);
  const by = Float64Array.of(...first, ...scaled(plus(first, last), -1), ...last);
  return { angle: Math.acos(c), slopes: { atoms: [i, j, k], by } };
}

/** A torsion's angle, with its sign; undefined where three atoms lie in a line. */
function torsionOf(x: Float64Array, atoms: readonly number[]): { angle: number; slopes: Sparse } | undefined {
  const [i, j, k, l] = atoms.map((atom) => at(x, atom));
  const first = minus(i, j), axis = minus(j, k), last = minus(l, k), m = cross(first, axis), n = cross(last, axis);
  const mm = dot(m, m), nn = dot(n, n), long = lengthOf(axis);
  if (mm < 0.01 || nn < 0.01) return undefined;
  const angle = Math.atan2(dot(cross(n, m), axis) / long, dot(m, n));
  const a = scaled(m, -long / mm), d = scaled(n, long / nn);
  const f = dot(first, axis) / (mm * long), h = dot(last, axis) / (nn * long);
  const twist = minus(scaled(m, f), scaled(n, h));
  const by = Float64Array.of(...a, ...plus(scaled(a, -1), twist), ...minus(scaled(d, -1), twist), ...d);
  return { angle, slopes: { atoms, by } };
}

/** The angle of atom `l` with the plane of the centre and two others. */
function wilson(x: Float64Array, j: number, i: number, k: number, l: number): number {
  const c = at(x, j), a = minus(at(x, i), c), b = minus(at(x, k), c), d = minus(at(x, l), c), n = cross(a, b);
  return Math.asin(Math.min(1, Math.max(-1, dot(n, d) / (lengthOf(n) * lengthOf(d)))));
}

/** By central differences. */
function wilsonOf(x: Float64Array, atoms: readonly number[]): { angle: number; slopes: Sparse } {
  const [j, i, k, l] = atoms, step = 1e-5, by = new Float64Array(12);
  atoms.forEach((atom, place) => {
    for (let axis = 0; axis < 3; axis++) {
      const c = 3 * atom + axis, here = x[c];
      x[c] = here + step;
      const above = wilson(x, j, i, k, l);
      x[c] = here - step;
      by[3 * place + axis] = (above - wilson(x, j, i, k, l)) / (2 * step);
      x[c] = here;
    }
  });
  return { angle: wilson(x, j, i, k, l), slopes: { atoms, by } };
}

function addTo(vector: Float64Array, { atoms, by }: Sparse, scale: number): void {
  atoms.forEach((atom, place) => {
    for (let axis = 0; axis < 3; axis++) vector[3 * atom + axis] += scale * by[3 * place + axis];
  });
}

function addSquare(h: Float64Array, n: number, { atoms, by }: Sparse, k: number): void {
  for (let p = 0; p < by.length; p++) {
    const row = 3 * atoms[Math.floor(p / 3)] + p % 3, value = k * by[p];
    for (let q = 0; q < by.length; q++) h[row * n + 3 * atoms[Math.floor(q / 3)] + q % 3] += value * by[q];
  }
}

/** What the sum of squares is made of: half of its second slopes `[size, size]`, and its slope, by all numbers that are fitted. */
export class Fit {
  readonly size: number;
  readonly squares: Float64Array;
  readonly slope: Float64Array;
  /** Energy that steps to the minimum would take out, kcal/mol a molecule, and molecules. */
  energy = 0;
  examples = 0;
  readonly #parameters: ReadonlyMap<string, Parameter>;

  constructor(readonly parameters: readonly Parameter[]) {
    this.#parameters = new Map(parameters.map((parameter) => [parameter.key, parameter]));
    const last = parameters.at(-1);
    this.size = last ? last.at + CORRECTED[last.kind].places.length : 0;
    this.squares = new Float64Array(this.size * this.size);
    this.slope = new Float64Array(this.size);
  }

  /**
   * Counts a molecule in.
   *
   * @param rows its terms, with the corrections as they are
   * @param gradient of the whole energy there, kcal/mol/angstrom
   */
  add({ found, positions: x }: Example, rows: Found["rows"], gradient: Float64Array): void {
    const n = x.length, h = new Float64Array(n * n), columns = new Map<number, Float64Array>(), keys = keysOf(found);
    const column = (place: number) => {
      let vector = columns.get(place);
      if (!vector) columns.set(place, vector = new Float64Array(n));
      return vector;
    };
    /** What the gradient has of each number of a term, by all of its keys. */
    const tell = (kind: CorrectedTerm, term: number, place: number, slopes: Sparse, scale: number) => {
      for (const key of keys[kind][term]) {
        const parameter = this.#parameters.get(key);
        if (parameter) addTo(column(parameter.at + place), slopes, scale);
      }
    };
    for (let k = 0; k < n; k++) h[k * n + k] = SOFT;
    const bondAt = new Map<string, number>();
    rows.bonds.forEach(([i, j, rest, force], term) => {
      const { r, slopes } = distanceOf(x, i, j), d = r - rest, k = MD * force;
      bondAt.set(`${i},${j}`, term).set(`${j},${i}`, term);
      const curvature = k * Math.max(0.3, 1 + 3 * CUBIC_LENGTH * d + 14 * d * d);
      addSquare(h, n, slopes, curvature);
      tell("bonds", term, 0, slopes, -curvature);
    });
    rows.bends.forEach(([i, j, k, rest, force, , , byI, byK], term) => {
      const { angle, slopes } = angleOf(x, i, j, k), d = angle - rest, f = MD * force;
      const toI = distanceOf(x, i, j),
        toK = distanceOf(x, k, j),
        curvature = f * Math.max(0.3, 1 + 3 * CUBIC_ANGLE * d);
      addSquare(h, n, slopes, curvature);
      tell("bends", term, 0, slopes, -curvature);
      tell("bends", term, 0, toI.slopes, -MD * byI);
      tell("bends", term, 0, toK.slopes, -MD * byK);
      tell("bonds", bondAt.get(`${i},${j}`)!, 0, slopes, -MD * byI);
      tell("bonds", bondAt.get(`${k},${j}`)!, 0, slopes, -MD * byK);
    });
    rows.linears.forEach(([i, j, k, force]) => {
      // 1 + cosine is half the square of the sum of both arms: along each axis.
      const c = at(x, j), u = minus(at(x, i), c), v = minus(at(x, k), c), lu = lengthOf(u), lv = lengthOf(v);
      for (let axis = 0; axis < 3; axis++) {
        const e: [number, number, number] = [0, 0, 0];
        e[axis] = 1;
        const first = scaled(minus(e, scaled(u, dot(e, u) / (lu * lu))), 1 / lu);
        const last = scaled(minus(e, scaled(v, dot(e, v) / (lv * lv))), 1 / lv);
        const by = Float64Array.of(...first, ...scaled(plus(first, last), -1), ...last);
        addSquare(h, n, { atoms: [i, j, k], by }, MD * force);
      }
    });
    rows.planes.forEach(([j, a, b, c, force], term) => {
      for (const atoms of [[j, a, b, c], [j, b, c, a], [j, c, a, b]]) {
        const { angle, slopes } = wilsonOf(x, atoms);
        addSquare(h, n, slopes, MD * Math.max(force, 0));
        tell("planes", term, 0, slopes, MD * angle);
      }
    });
    rows.torsions.forEach(([i, j, k, l, v1, v2, v3], term) => {
      const turned = torsionOf(x, [i, j, k, l]);
      if (!turned) return;
      const { angle: phi, slopes } = turned;
      const curvature = 0.5 * (-v1 * Math.cos(phi) + 4 * v2 * Math.cos(2 * phi) - 9 * v3 * Math.cos(3 * phi));
      if (curvature > 0) addSquare(h, n, slopes, curvature);
      tell("torsions", term, 0, slopes, -0.5 * Math.sin(phi));
      tell("torsions", term, 1, slopes, Math.sin(2 * phi));
      tell("torsions", term, 2, slopes, -1.5 * Math.sin(3 * phi));
    });
    rows.pairs.forEach(([i, j, least, depth]) => {
      const { r, slopes } = distanceOf(x, i, j);
      if (r < least) addSquare(h, n, slopes, 72 * depth / (least * least) * (1.07 / (r / least + 0.07)) ** 16);
    });
    this.#stiffen(found, rows, x, keys);
    factor(h, n);
    const places = [...columns.keys()].sort((a, b) => a - b), rest = gradient.slice();
    forward(h, n, rest);
    const whitened = places.map((place) => forward(h, n, columns.get(place)!));
    let energy = 0;
    for (let k = 0; k < n; k++) energy += 0.5 * rest[k] * rest[k];
    this.energy += energy, this.examples++;
    // A molecule far from any minimum of this form is to weigh no more than others.
    const weight = 1 / (RESIDUE * (1 + energy / n / RESIDUE));
    whitened.forEach((a, p) => {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += a[k] * rest[k];
      this.slope[places[p]] += weight * sum;
      const row = places[p] * this.size;
      for (let q = 0; q <= p; q++) {
        const b = whitened[q];
        let product = 0;
        for (let k = 0; k < n; k++) product += a[k] * b[k];
        this.squares[row + places[q]] += weight * product;
      }
    });
  }

  /** Holds torsions' stiffness: a fit to forces alone would make them flat. */
  #stiffen(found: Found, rows: Found["rows"], x: Float64Array, keys: Keys): void {
    const bonds = new Map<string, { was: number; is: number; by: Map<number, number> }>();
    rows.torsions.forEach(([i, j, k, l, ...v], term) => {
      const turned = torsionOf(x, [i, j, k, l]), name = `${j},${k}`;
      if (!turned) return;
      let bond = bonds.get(name);
      if (!bond) bonds.set(name, bond = { was: 0, is: 0, by: new Map() });
      const phi = turned.angle, of = [-0.5 * Math.cos(phi), 2 * Math.cos(2 * phi), -4.5 * Math.cos(3 * phi)];
      of.forEach((share, place) => {
        bond.is += share * v[place], bond.was += share * found.rows.torsions[term][4 + place];
        for (const key of keys.torsions[term]) {
          const parameter = this.#parameters.get(key);
          if (!parameter) continue;
          const number = parameter.at + place;
          bond.by.set(number, (bond.by.get(number) ?? 0) + share);
        }
      });
    });
    for (const { was, is, by } of bonds.values()) {
      const due = Math.max(was, STIFF), weight = 1 / (LOOSE * due) ** 2, list = [...by];
      for (const [p, a] of list) {
        this.slope[p] += weight * a * (is - due);
        for (const [q, b] of list) if (q <= p) this.squares[p * this.size + q] += weight * a * b;
      }
    }
  }

  /** The next corrections. @param last those that the molecules were counted in with */
  solve(last: Corrections): Map<string, number[]> {
    const { size, squares } = this, b = new Float64Array(size), diagonal = new Float64Array(size);
    for (const { key, kind, spread, at } of this.parameters) {
      CORRECTED[kind].places.forEach((_, k) => {
        diagonal[at + k] = 1 / (spread * spread);
        b[at + k] = -this.slope[at + k] - diagonal[at + k] * (last.get(key)?.[k] ?? 0);
      });
    }
    const step = conjugateGradients(squares, diagonal, b);
    return new Map(this.parameters.map(({ key, kind, at }) => [
      key,
      CORRECTED[kind].places.map((_, k) => (last.get(key)?.[k] ?? 0) + step[at + k]),
    ]));
  }
}

/** L L' = h, in place, the lower half. */
function factor(h: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = h[i * n + j];
      for (let k = 0; k < j; k++) sum -= h[i * n + k] * h[j * n + k];
      h[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-9)) : sum / h[j * n + j];
    }
  }
}

/** L^-1 d, in place. */
function forward(h: Float64Array, n: number, d: Float64Array): Float64Array {
  let first = 0;
  while (first < n && d[first] === 0) first++;
  for (let i = first; i < n; i++) {
    let sum = d[i];
    for (let k = first; k < i; k++) sum -= h[i * n + k] * d[k];
    d[i] = sum / h[i * n + i];
  }
  return d;
}

/** Solves (A + D) x = b, A by its lower half, preconditioned by the diagonal. */
function conjugateGradients(a: Float64Array, d: Float64Array, b: Float64Array): Float64Array {
  const n = b.length, x = new Float64Array(n), r = b.slice(), product = new Float64Array(n);
  const over = d.map((value, i) => 1 / (value + a[i * n + i])), z = r.map((value, i) => value * over[i]);
  const p = z.slice();
  const inner = (u: Float64Array, v: Float64Array) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  let rz = inner(r, z);
  const enough = 1e-8 * rz;
  for (let step = 0; step < 600 && rz > enough; step++) {
    for (let i = 0; i < n; i++) product[i] = (d[i] + a[i * n + i]) * p[i];
    for (let i = 0; i < n; i++) {
      let sum = 0;
      const row = i * n, own = p[i];
      for (let j = 0; j < i; j++) sum += a[row + j] * p[j], product[j] += a[row + j] * own;
      product[i] += sum;
    }
    const alpha = rz / inner(p, product);
    for (let i = 0; i < n; i++) x[i] += alpha * p[i], r[i] -= alpha * product[i], z[i] = r[i] * over[i];
    const next = inner(r, z), beta = next / rz;
    for (let i = 0; i < n; i++) p[i] = z[i] + beta * p[i];
    rz = next;
  }
  return x;
}

/** Corrections to be fitted: keys that enough molecules have. */
export function parametersOf(counts: ReadonlyMap<string, number>, least: number): Parameter[] {
  let next = 0;
  return [...counts].filter(([, count]) => count >= least).map(([key]) => key).sort().map((key) => {
    const kind = kindOf(key);
    const level = /^[^:]*f/.test(key) ? 2 : kind === "planes" ? (/r/.test(key) ? 1 : 0) : /^[^:]*r/.test(key) ? 1 : 0;
    const at = next;
    next += CORRECTED[kind].places.length;
    return { key, kind, spread: SPREAD[kind][level], at };
  });
}
