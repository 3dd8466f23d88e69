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
