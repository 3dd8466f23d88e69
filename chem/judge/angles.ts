/** How far angles are from what their middle atom's hybridisation asks for. */
import { angleAt } from "./geometry.ts";
import { doubleBonds, isSp2, ringWith, type Structure } from "./structure.ts";

/** Rings up to this size set their angles, inside and about them, by themselves. */
const SMALL_RING = 5;

/**
 * The worst departure from 109.5, 120 or 180 degrees of the angles at heavy atoms that are in no ring of five or fewer; null where there are none.
 * Of hydrogen alone at oxygen and nitrogen, lone pairs count as neighbours.
 */
export function angleDeparture(structure: Structure): number | null {
  const { atomicNumbers, positions, neighbours } = structure;
  let worst: number | null = null;
  neighbours.forEach((around, middle) => {
    if (atomicNumbers[middle] === 1 || around.length < 2 || (ringWith(structure, middle)?.length ?? 9) <= SMALL_RING) {
      return;
    }
    const linear = doubleBonds(structure, middle) > 1 && around.length === 2 || around.some(({ order }) => order === 3);
    const ideal = linear ? 180 : isSp2(structure, middle) ? 120 : 109.5;
    around.forEach(({ atom: a }, k) => {
      for (const { atom: b } of around.slice(0, k)) {
        worst = Math.max(worst ?? 0, Math.abs(angleAt(positions, a, middle, b) - ideal));
      }
    });
  });
  return worst;
}
