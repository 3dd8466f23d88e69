/** How far two sets of positions are apart when one is laid over the other as well as it goes. */
import { jacobiRotation } from "../jacobi.ts";

/**
 * The root mean square distance after the best superposition, without reflection (Horn 1987: the largest eigenvalue of the
 * quaternions' matrix).
 *
 * @param a,b `[n, 3]`, the same atoms in the same order
 * @returns in their unit; 0 of no atoms
 * @throws RangeError where they differ in length
 */
export function superposedRmsd(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length / 3;
  if (a.length !== b.length) throw new RangeError(`positions must be ${a.length} numbers; got ${b.length}`);
  if (n === 0) return 0;
  const ca = [0, 0, 0], cb = [0, 0, 0];
  for (let k = 0; k < a.length; k++) ca[k % 3] += a[k] / n, cb[k % 3] += b[k] / n;
  const s = new Float64Array(9);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < 3; p++) {
      const u = a[3 * i + p] - ca[p], own = b[3 * i + p] - cb[p];
      squares += u * u + own * own;
      for (let q = 0; q < 3; q++) s[3 * p + q] += u * (b[3 * i + q] - cb[q]);
    }
  }
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = s;
  // deno-fmt-ignore
  const most = largestEigenvalue([
    xx + yy + zz, yz - zy, zx - xz, xy - yx,
    yz - zy, xx - yy - zz, xy + yx, zx + xz,
    zx - xz, xy + yx, yy - xx - zz, yz + zy,
    xy - yx, zx + xz, yz + zy, zz - xx - yy,
  ]);
  return Math.sqrt(Math.max(0, squares - 2 * most) / n);
}

/** Of a symmetric matrix `[4, 4]`, by Jacobi's rotations. */
function largestEigenvalue(m: number[]): number {
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < 4; p++) {
      for (let q = p + 1; q < 4; q++) {
        const value = m[4 * p + q];
        off += value * value;
        if (value === 0) continue;
        const { c, s } = jacobiRotation(m[5 * p], m[5 * q], value);
        for (let k = 0; k < 4; k++) {
          const one = m[4 * k + p], other = m[4 * k + q];
          m[4 * k + p] = c * one - s * other, m[4 * k + q] = s * one + c * other;
        }
        for (let k = 0; k < 4; k++) {
          const one = m[4 * p + k], other = m[4 * q + k];
          m[4 * p + k] = c * one - s * other, m[4 * q + k] = s * one + c * other;
        }
      }
    }
    if (off < 1e-28 * (m[0] * m[0] + m[5] * m[5] + m[10] * m[10] + m[15] * m[15])) break;
  }
  return Math.max(m[0], m[5], m[10], m[15]);
}
