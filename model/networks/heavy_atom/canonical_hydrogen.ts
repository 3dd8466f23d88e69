/** Which of an atom's hydrogens u points to, where it is not drawn. */
import type { Example } from "./examples.ts";
import { MAX_HYDROGENS } from "./space.ts";

/** Angstrom by which hydrogens must differ in how far they point outward to be told apart by it. */
const TIE = 1e-3;

/**
 * The hydrogen of atom `i`, of its first `count`, that lies farthest from the centroid of the heavy atoms. In a staggered methyl group that is the one
 * opposite to the larger branch. It turns with the molecule. Of hydrogens that lie as far, mirror images as a rule, the first counts: no rule
 * that turns and mirrors along could tell them apart.
 */
export const canonicalHydrogen = ({ positions: x, hydrogens: h }: Example, i: number, count: number): number =>
  farthest(h.subarray(i * MAX_HYDROGENS * 3, (i * MAX_HYDROGENS + count) * 3), x.subarray(3 * i, 3 * i + 3));

/**
 * The same of one atom.
 *
 * @param h unit vectors to its hydrogens, `[count, 3]`
 * @param x from the centroid to the atom, `[3]`
 */
export function farthest(h: ArrayLike<number>, x: ArrayLike<number>): number {
  let best = 0, most = -Infinity;
  for (let at = 0; at < h.length; at += 3) {
    // |x + b h|^2 = |x|^2 + 2 b h.x + b^2, with one length b for all.
    const outward = h[at] * x[0] + h[at + 1] * x[1] + h[at + 2] * x[2];
    if (outward > most + TIE) best = at / 3, most = outward;
  }
  return best;
}
