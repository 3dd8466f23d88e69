/** How far two sets of positions are apart when one is laid over the other as well as it goes. */
import { eigenvalues } from "../jacobi.ts";

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
  const most = Math.max(...eigenvalues([
    xx + yy + zz, yz - zy, zx - xz, xy - yx,
    yz - zy, xx - yy - zz, xy + yx, zx + xz,
    zx - xz, xy + yx, yy - xx - zz, yz + zy,
    xy - yx, zx + xz, yz + zy, zz - xx - yy,
  ], 4));
  return Math.sqrt(Math.max(0, squares - 2 * most) / n);
}
