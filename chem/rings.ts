/** Rings of a bond graph. */
import type { Bond } from "./molecule.ts";

/** Bonds that lie on some way round: what is left when atoms with one bond are taken off again and again. */
function cyclic(atoms: number, bonds: readonly Bond[]): Bond[] {
  const degree = new Uint16Array(atoms);
  for (const { i, j } of bonds) degree[i]++, degree[j]++;
  let left = [...bonds];
  while (true) {
    const kept = left.filter(({ i, j }) => degree[i] > 1 && degree[j] > 1);
    if (kept.length === left.length) return kept;
    degree.fill(0);
    for (const { i, j } of kept) degree[i]++, degree[j]++;
    left = kept;
  }
}

/** Breadth-first from `start`: distances, and on the way back to `start` the bonds as a set of bits. */
function paths(start: number, atoms: number, neighbours: readonly (readonly [number, number])[][]) {
  const distance = new Int16Array(atoms).fill(-1), via = new Array<bigint>(atoms).fill(0n), queue = [start];
  distance[start] = 0;
  for (let head = 0; head < queue.length; head++) {
    const atom = queue[head];
    for (const [next, bond] of neighbours[atom]) {
      if (distance[next] >= 0) continue;
      distance[next] = distance[atom] + 1;
      via[next] = via[atom] | (1n << BigInt(bond));
      queue.push(next);
    }
  }
  return { distance, via };
}

/**
 * The sizes of the rings in a smallest cycle basis (Horton, SIAM J. Comput. 16, 358, 1987), ascending. Their number is
 * bonds - atoms + fragments; the sizes, unlike the rings themselves, do not depend on the choice of basis.
 *
 * @param limit where there would be more rings than this, as in a heap of atoms that is no molecule, the answer is null
 */
export function ringSizes(atoms: number, bonds: readonly Bond[], limit = 24): number[] | null {
  const ring = cyclic(atoms, bonds);
  if (ring.length === 0) return [];
  const neighbours: [number, number][][] = Array.from({ length: atoms }, () => []);
  ring.forEach(({ i, j }, bond) => {
    neighbours[i].push([j, bond]);
    neighbours[j].push([i, bond]);
  });
  const inRing = Array.from({ length: atoms }, (_, i) => i).filter((i) => neighbours[i].length > 0);
  let pieces = 0;
  const seen = new Uint8Array(atoms);
  const ways = inRing.map((start) => {
    const way = paths(start, atoms, neighbours);
    if (!seen[start]) {
      pieces++;
      way.distance.forEach((d, atom) => seen[atom] |= d >= 0 ? 1 : 0);
    }
    return way;
  });
  const due = ring.length - inRing.length + pieces;
  if (due > limit) return null;

  // Horton's candidates: from each atom round each bond by two shortest paths that share no bond.
  const candidates = new Map<bigint, number>();
  for (const { distance, via } of ways) {
    ring.forEach(({ i, j }, bond) => {
      const bit = 1n << BigInt(bond);
      if (distance[i] < 0 || ((via[i] | via[j]) & bit) !== 0n || (via[i] & via[j]) !== 0n) return;
      candidates.set(via[i] | via[j] | bit, distance[i] + distance[j] + 1);
    });
  }
  // The shortest that are independent over GF(2), by elimination on the highest bit.
  const basis = new Map<number, bigint>(), sizes: number[] = [];
  for (let [bits, size] of [...candidates].sort((a, b) => a[1] - b[1])) {
    while (bits !== 0n) {
      const top = bits.toString(2).length, known = basis.get(top);
      if (known === undefined) {
        basis.set(top, bits);
        sizes.push(size);
        break;
      }
      bits ^= known;
    }
    if (sizes.length === due) break;
  }
  return sizes;
}
