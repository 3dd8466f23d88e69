/** Small corrections of positions, so that the distances say what the decoded graph says. */
import { type Chemistry, EDM } from "./chemistry.ts";
import { elementIndex } from "./elements.ts";

/** How far inside its window, and how much shorter than typical at most, a distance is put. Angstrom. */
const INSIDE = 0.005, SHORTEST = 0.15;

/**
 * Distances in angstrom at which two atoms have a bond of this order by EDM's rule: [least, most].
 *
 * @param a,b places among the chemistry's elements
 */
export function bondWindow(
  a: number,
  b: number,
  order: number,
  { elements, lengths, margins }: Chemistry = EDM,
): [least: number, most: number] {
  const pair = elements.length * a + b, length = (k: 1 | 2 | 3) => lengths[k][pair] / 100;
  const longest = (k: 1 | 2 | 3) => length(k) === 0 ? 0 : length(k) + margins[k] / 100;
  if (order === 0) return [longest(1) + INSIDE, Infinity];
  const own = order as 1 | 2 | 3;
  // A bond of the next order, where the pair has one, begins below; else the bond may not collapse.
  const next = order < 3 ? longest((order + 1) as 2 | 3) : 0;
  return [Math.max(next + (next ? INSIDE : 0), length(own) - SHORTEST), longest(own) - INSIDE];
}

/**
 * Moves atoms, in place, until every pair's distance lies in the window of its bond order: sweeps over the pairs, each pair
 * outside its window moved to the window's edge by both its atoms alike (position-based dynamics: Mueller et al. 2007), or by one alone
 * where the other is held.
 *
 * @param positions `[n, 3]` angstrom
 * @param elements places among the chemistry's elements, `[n]`
 * @param orders wanted bond orders `[n, n]`
 * @param held atoms that stay, the first ones; distances among them are left as they are
 * @returns whether all distances are in their windows
 */
export function relax(
  positions: Float32Array,
  elements: Uint8Array,
  orders: Uint8Array,
  { sweeps = 200, chemistry = EDM, held = 0 }: { sweeps?: number; chemistry?: Chemistry; held?: number } = {},
): boolean {
  const n = elements.length;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let moved = false;
    for (let i = held; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const [least, most] = bondWindow(elements[i], elements[j], orders[i * n + j], chemistry);
        const dx = positions[3 * i] - positions[3 * j];
        const dy = positions[3 * i + 1] - positions[3 * j + 1];
        const dz = positions[3 * i + 2] - positions[3 * j + 2];
        const d = Math.sqrt(dx * dx + dy * dy + dz * dz);
        if (d >= least && d <= most) continue;
        moved = true;
        // A shade past the edge, so that rounding to float32 does not leave it outside.
        const wanted = d < least ? least + 1e-4 : most - 1e-4, by = (wanted - d) / Math.max(d, 1e-6);
        const own = j < held ? by : 0.5 * by, other = by - own;
        positions[3 * i] += own * dx, positions[3 * j] -= other * dx;
        positions[3 * i + 1] += own * dy, positions[3 * j + 1] -= other * dy;
        positions[3 * i + 2] += own * dz, positions[3 * j + 2] -= other * dz;
      }
    }
    if (!moved) return true;
  }
  return false;
}

/** Places of atomic numbers among a chemistry's elements. */
export function elementPlaces(atomicNumbers: Uint8Array, chemistry: Chemistry = EDM): Uint8Array {
  return atomicNumbers.map((atomicNumber) => elementIndex(atomicNumber, chemistry));
}
