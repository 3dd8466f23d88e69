/** Rings of a bond graph. */
import { createCycleBasis } from "./cycle_space.ts";
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

/** Most rings of what still counts as a molecule. */
const MOST_RINGS = 24;

/**
 * The sizes of the rings in a smallest cycle basis, ascending. Their number is bonds - atoms + fragments; the sizes, unlike the rings
 * themselves, do not depend on the choice of basis.
 *
 * @param limit where there would be more rings than this, as in a heap of atoms that is no molecule, the answer is null
 */
export function ringSizes(atoms: number, bonds: readonly Bond[], limit = MOST_RINGS): number[] | null {
  return cycleBasis(atoms, bonds, limit)?.map((ring) => ring.length) ?? null;
}

/**
 * The rings of a smallest cycle basis, the smallest first: each ring's atoms in order round it. Where several bases are equally small (of the six
 * faces of cubane any five) one of them.
 *
 * @param limit as of {@link ringSizes}
 */
export function smallestRings(atoms: number, bonds: readonly Bond[], limit = MOST_RINGS): number[][] | null {
  return cycleBasis(atoms, bonds, limit)?.map(inOrder) ?? null;
}

/** A ring's atoms, from its bonds. */
function inOrder(bonds: readonly Bond[]): number[] {
  const next = new Map<number, number[]>();
  for (const { i, j } of bonds) {
    next.set(i, [...(next.get(i) ?? []), j]);
    next.set(j, [...(next.get(j) ?? []), i]);
  }
  const ring = [bonds[0].i, bonds[0].j];
  while (ring.length < bonds.length) {
    const [a, b] = next.get(ring.at(-1)!)!;
    ring.push(a === ring.at(-2) ? b : a);
  }
  return ring;
}

/** The bonds of each ring of a smallest cycle basis (Horton, SIAM J. Comput. 16, 358, 1987), the smallest first. */
function cycleBasis(atoms: number, bonds: readonly Bond[], limit: number): Bond[][] | null {
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
  // The shortest that are independent.
  const basis = createCycleBasis(), rings: Bond[][] = [];
  for (const [own] of [...candidates].sort((a, b) => a[1] - b[1])) {
    if (basis.add(own)) rings.push(ring.filter((_, bond) => (own >> BigInt(bond) & 1n) === 1n));
    if (rings.length === due) break;
  }
  return rings;
}
