/** Jacobi's rotations of symmetric matrices: what those have in common who find eigenvalues by them. */

/** A rotation in the plane of two axes p and q. */
export interface Rotation {
  /** Tangent, cosine and sine of the angle. */
  readonly t: number;
  readonly c: number;
  readonly s: number;
}

/**
 * The rotation, by 45 degrees at most, that takes an element off the diagonal of a symmetric matrix to zero: the new q is c q + s p.
 *
 * @param pp,qq,pq elements of the matrix, `pq` not 0
 */
export function jacobiRotation(pp: number, qq: number, pq: number): Rotation {
  const theta = (qq - pp) / (2 * pq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  return { t, c, s: t * c };
}

/**
 * Eigenvalues of a symmetric matrix `[n, n]`, by sweeps of rotations; in no order.
 *
 * @param m row by row; it is changed
 */
export function eigenvalues(m: number[] | Float64Array, n: number): number[] {
  const diagonal = () => Array.from({ length: n }, (_, k) => m[(n + 1) * k]);
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const value = m[n * p + q];
        off += value * value;
        if (value === 0) continue;
        const { c, s } = jacobiRotation(m[(n + 1) * p], m[(n + 1) * q], value);
        for (let k = 0; k < n; k++) {
          const one = m[n * k + p], other = m[n * k + q];
          m[n * k + p] = c * one - s * other, m[n * k + q] = s * one + c * other;
        }
        for (let k = 0; k < n; k++) {
          const one = m[n * p + k], other = m[n * q + k];
          m[n * p + k] = c * one - s * other, m[n * q + k] = s * one + c * other;
        }
      }
    }
    if (off < 1e-28 * diagonal().reduce((sum, value) => sum + value * value, 0)) break;
  }
  return diagonal();
}
