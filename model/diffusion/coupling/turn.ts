/** The orthogonal matrix that turns one set of vectors closest to another: the Procrustes problem in three dimensions. */
import { jacobiRotation } from "../../../chem/jacobi.ts";
import { cross, dot, minus, scaled, type Vector } from "../../../chem/vectors.ts";

/** Singular values below this share of the largest count as zero: there the turn is not determined by the data. */
export const DEGENERATE = 1e-6;

/**
 * Eigenvectors of a symmetric 3 x 3 matrix by Jacobi's rotations, in the columns of `vectors`, eigenvalues descending.
 * `a` is destroyed; its diagonal holds the eigenvalues after.
 */
function eigen(a: Float64Array, vectors: Float64Array): void {
  vectors.fill(0);
  vectors[0] = vectors[4] = vectors[8] = 1;
  for (let sweep = 0; sweep < 12; sweep++) {
    const off = a[1] * a[1] + a[2] * a[2] + a[5] * a[5];
    if (off <= 1e-32 * (a[0] * a[0] + a[4] * a[4] + a[8] * a[8])) break;
    for (let p = 0; p < 2; p++) {
      for (let q = p + 1; q < 3; q++) {
        const apq = a[3 * p + q];
        if (apq === 0) continue;
        const { t, c, s } = jacobiRotation(a[4 * p], a[4 * q], apq), r = 3 - p - q;
        a[4 * p] -= t * apq, a[4 * q] += t * apq;
        a[3 * p + q] = a[3 * q + p] = 0;
        const arp = a[3 * r + p], arq = a[3 * r + q];
        a[3 * r + p] = a[3 * p + r] = c * arp - s * arq;
        a[3 * r + q] = a[3 * q + r] = s * arp + c * arq;
        for (let k = 0; k < 3; k++) {
          const vp = vectors[3 * k + p], vq = vectors[3 * k + q];
          vectors[3 * k + p] = c * vp - s * vq;
          vectors[3 * k + q] = s * vp + c * vq;
        }
      }
    }
  }
  for (const [p, q] of [[0, 1], [0, 2], [1, 2]]) {
    if (a[4 * p] >= a[4 * q]) continue;
    const value = a[4 * p];
    a[4 * p] = a[4 * q], a[4 * q] = value;
    for (let k = 0; k < 3; k++) {
      const one = vectors[3 * k + p];
      vectors[3 * k + p] = vectors[3 * k + q], vectors[3 * k + q] = one;
    }
  }
}

/** m v, of `[3, 3]`, row-major, and `[3]`. */
export const times = (m: Float64Array, v: ArrayLike<number>): Vector => [
  m[0] * v[0] + m[1] * v[1] + m[2] * v[2],
  m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
  m[6] * v[0] + m[7] * v[1] + m[8] * v[2],
];

/** m^T v. */
export const timesTransposed = (m: Float64Array, v: ArrayLike<number>): Vector => [
  m[0] * v[0] + m[3] * v[1] + m[6] * v[2],
  m[1] * v[0] + m[4] * v[1] + m[7] * v[2],
  m[2] * v[0] + m[5] * v[1] + m[8] * v[2],
];

/** The unit vector along the axis that `v` has least of, less its part along `v`. */
function perpendicular(v: Vector): Vector {
  const size = v.map(Math.abs), axis = size.indexOf(Math.min(...size));
  const e: [number, number, number] = [0, 0, 0];
  e[axis] = 1;
  const rest = minus(e, scaled(v, v[axis]));
  return scaled(rest, 1 / Math.sqrt(dot(rest, rest)));
}

/** The least rotation that takes the unit vector `from` to the unit vector `to`, into `out`. */
function leastRotation(from: Vector, to: Vector, out: Float64Array): void {
  const c = dot(from, to);
  if (c < -1 + 1e-12) {
    // Half a turn, about any axis across.
    const axis = perpendicular(from);
    for (let a = 0; a < 3; a++) for (let b = 0; b < 3; b++) out[3 * a + b] = 2 * axis[a] * axis[b] - (a === b ? 1 : 0);
    return;
  }
  const w = cross(from, to), k = 1 / (1 + c);
  out[0] = c + k * w[0] * w[0], out[1] = k * w[0] * w[1] - w[2], out[2] = k * w[0] * w[2] + w[1];
  out[3] = k * w[1] * w[0] + w[2], out[4] = c + k * w[1] * w[1], out[5] = k * w[1] * w[2] - w[0];
  out[6] = k * w[2] * w[0] - w[1], out[7] = k * w[2] * w[1] + w[0], out[8] = c + k * w[2] * w[2];
}

/** What `nearestOrthogonal` works in. */
export const turnRoom = (): { gram: Float64Array; vectors: Float64Array } => ({
  gram: new Float64Array(9),
  vectors: new Float64Array(9),
});

/**
 * The orthogonal matrix R (a rotation, or one with a reflection) for which tr(R^T h) is largest: the orthogonal factor of h's polar
 * decomposition, h = sum_i x_i e_i^T for R e near x (Schönemann, "A generalized solution of the orthogonal Procrustes
 * problem", 1966). Where h leaves R open (planar, collinear or single points), it is a rotation, and the least one: such a choice
 * turns along when both sets are turned.
 *
 * @param h `[3, 3]`, row-major
 * @param out takes R `[3, 3]`
 * @param mirror whether R may be one with a reflection; else it is the rotation of largest trace (Kabsch, Acta Cryst. A32, 922, 1976)
 */
export function nearestOrthogonal(
  h: Float64Array,
  out: Float64Array,
  { gram, vectors } = turnRoom(),
  { mirror = true }: { readonly mirror?: boolean } = {},
): void {
  for (let a = 0; a < 3; a++) {
    for (let b = 0; b < 3; b++) gram[3 * a + b] = h[a] * h[b] + h[3 + a] * h[3 + b] + h[6 + a] * h[6 + b];
  }
  eigen(gram, vectors);
  const column = (k: number): Vector => [vectors[k], vectors[3 + k], vectors[6 + k]];
  const v1 = column(0), hv1 = times(h, v1), s1 = Math.sqrt(dot(hv1, hv1));
  if (!(s1 > 1e-300)) {
    out.fill(0);
    out[0] = out[4] = out[8] = 1;
    return;
  }
  const u1 = scaled(hv1, 1 / s1), v2 = column(1), hv2 = times(h, v2), along = dot(u1, hv2);
  const rest: Vector = [hv2[0] - along * u1[0], hv2[1] - along * u1[1], hv2[2] - along * u1[2]];
  const s2 = Math.sqrt(dot(rest, rest));
  if (s2 <= DEGENERATE * s1) return leastRotation(v1, u1, out);
  const u2 = scaled(rest, 1 / s2), u3 = cross(u1, u2), v3 = cross(v1, v2);
  const mirrored = mirror && dot(u3, times(h, v3)) < -DEGENERATE * s1 ? -1 : 1;
  for (let a = 0; a < 3; a++) {
    for (let b = 0; b < 3; b++) out[3 * a + b] = u1[a] * v1[b] + u2[a] * v2[b] + mirrored * u3[a] * v3[b];
  }
}
