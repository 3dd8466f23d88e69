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
export function canonicalHydrogen({ positions: x, hydrogens: h }: Example, i: number, count: number): number {
  let best = 0, most = -Infinity;
  for (let k = 0; k < count; k++) {
    const at = (i * MAX_HYDROGENS + k) * 3;
    // |x + b h|^2 = |x|^2 + 2 b h.x + b^2, with one length b for all.
    const outward = h[at] * x[3 * i] + h[at + 1] * x[3 * i + 1] + h[at + 2] * x[3 * i + 2];
    if (outward > most + TIE) best = k, most = outward;
  }
  return best;
}
