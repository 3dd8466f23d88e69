/**
 * Aromatic bonds as an order of their own: which they are in a molecule, and back to single and double ones.
 *
 * Which of the bonds round an aromatic ring are the double ones is often open, or decided by distances that lie next to a threshold. A latent
 * that has aromatic bonds as an order need not say it: what is double follows from valence, by a matching, where a graph is read.
 *
 * A ring is aromatic by Hückel's rule on its atoms' electrons, as RDKit counts them (RDKit Book, "Aromaticity", the default model). The orders
 * of its own bonds do not enter, but that there are bonds, so that what distances say of them cannot spoil it.
 */
import type { BondSums, HeavyAtomClass } from "../../diffusion/types.ts";
import { AROMATIC } from "./space.ts";

/** Least and most members of a ring that may be aromatic. */
const SMALLEST = 3, LARGEST = 7;

/** Ways of putting double bonds that are tried for one ring system. */
const MOST_TRIES = 2000;

/** Heavy atoms with what their classes say of them. */
export interface Skeleton {
  /** Class of each atom. */
  readonly kinds: readonly HeavyAtomClass[];
  /** For each atom the sums of bond orders to heavy atoms that its valences leave. */
  readonly sums: BondSums;
  /** Bond orders `[N, N]`. */
  readonly orders: Uint8Array;
}

/** Whether an atom may be a member of an aromatic ring, by what it is bonded to. */
function mayBeAromatic({ kinds, orders }: Skeleton, i: number): boolean {
  const [element, hydrogens] = kinds[i], N = kinds.length;
  let neighbours = 0;
  for (let j = 0; j < N; j++) if (orders[i * N + j] > 0) neighbours++;
  const most = element === 8 || element === 16 ? 2 : 3;
  return element !== 9 && neighbours >= 2 && neighbours + hydrogens <= most;
}

/** Rings without chords among atoms that may be aromatic, each once, as lists of atoms on the way round. */
function ringsOf(skeleton: Skeleton): number[][] {
  const { kinds, orders } = skeleton, N = kinds.length, rings: number[][] = [];
  const may = kinds.map((_, i) => mayBeAromatic(skeleton, i)), bonded = (i: number, j: number) => orders[i * N + j] > 0;
  const path: number[] = [];
  const extend = (from: number) => {
    const first = path[0];
    for (let next = first + 1; next < N; next++) {
      if (!may[next] || !bonded(from, next) || path.includes(next)) continue;
      // A chord, but to where the way began, rules out every ring on this way.
      if (path.some((atom, k) => k > 0 && atom !== from && bonded(atom, next))) continue;
      path.push(next);
      if (path.length >= SMALLEST && bonded(next, first)) {
        if (path[1] < next) rings.push([...path]);
      } else if (path.length < LARGEST) extend(next);
      path.pop();
    }
  };
  for (let first = 0; first < N; first++) {
    if (!may[first]) continue;
    path.push(first);
    extend(first);
    path.pop();
  }
  return rings;
}

/** Pairs of atoms, as i N + j with i > j. */
type Bonds = ReadonlySet<number>;

const bondOf = (i: number, j: number, N: number) => i > j ? i * N + j : j * N + i;
const bondsOf = (ring: readonly number[], N: number): Bonds =>
  new Set(ring.map((atom, k) => bondOf(atom, ring[(k + 1) % ring.length], N)));

/**
 * The electrons that an atom gives to rings of these bonds; `matched` where it has a double bond among them. Undefined where it has no place in
 * an aromatic ring.
 */
function given(
  { kinds, sums, orders }: Skeleton,
  i: number,
  rings: Bonds,
): { electrons: number; matched: boolean } | undefined {
  const N = kinds.length, [element, hydrogens, charge = 0] = kinds[i];
  let inside = 0, outside = 0, multiple = -1;
  for (let j = 0; j < N; j++) {
    const order = orders[i * N + j];
    if (rings.has(bondOf(i, j, N))) inside++;
    else {
      outside += order;
      if (order > 1) multiple = j;
    }
  }
  const left = sums[i].map((sum) => sum - inside - outside);
  if (left.includes(1)) return { electrons: 1, matched: true };
  if (!left.includes(0)) return undefined;
  // An outer double bond: to an element that draws more, its electron is lost to the ring; else the atom is none of it.
  if (multiple >= 0) {
    const draws = element === 6 && [7, 8, 16].includes(kinds[multiple][0]);
    return draws ? { electrons: 0, matched: false } : undefined;
  }
  if (element === 6) return charge < 0 ? { electrons: 2, matched: false } : undefined;
  return charge > 0 && inside + outside + hydrogens > 3 ? undefined : { electrons: 2, matched: false };
}

/** Whether rings of these bonds are aromatic: 4n + 2 electrons, and a double bond for each atom that has one. */
function isAromatic(skeleton: Skeleton, atoms: readonly number[], rings: Bonds): boolean {
  const N = skeleton.kinds.length, matched: number[] = [];
  let electrons = 0;
  for (const i of atoms) {
    const gives = given(skeleton, i, rings);
    if (!gives) return false;
    electrons += gives.electrons;
    if (gives.matched) matched.push(i);
  }
  if (electrons % 4 !== 2) return false;
  return matching(matched, [], (i, j) => rings.has(bondOf(i, j, N))).left === 0;
}

/**
 * The aromatic bonds of a skeleton, `[N, N]`: 1 where a bond is, symmetric. Rings by themselves, then pairs of rings with a bond in common
 * that are aromatic round both, as azulene's are.
 */
export function aromaticBonds(skeleton: Skeleton): Uint8Array {
  const N = skeleton.kinds.length, mask = new Uint8Array(N * N), rings = ringsOf(skeleton);
  const mark = (bonds: Bonds) => {
    for (const bond of bonds) {
      const i = Math.floor(bond / N), j = bond % N;
      mask[i * N + j] = mask[j * N + i] = 1;
    }
  };
  const sets = rings.map((atoms) => ({ atoms, bonds: bondsOf(atoms, N), alone: false }));
  for (const ring of sets) {
    ring.alone = isAromatic(skeleton, ring.atoms, ring.bonds);
    if (ring.alone) mark(ring.bonds);
  }
  for (const [k, a] of sets.entries()) {
    for (const b of sets.slice(0, k)) {
      if (a.alone && b.alone) continue;
      const shared = [...a.bonds].filter((bond) => b.bonds.has(bond));
      if (shared.length !== 1) continue;
      const round = new Set([...a.bonds, ...b.bonds].filter((bond) => bond !== shared[0]));
      if (isAromatic(skeleton, [...new Set([...a.atoms, ...b.atoms])], round)) mark(round);
    }
  }
  return mask;
}

/**
 * Double bonds such that each of `must` has one and each of `may` one at most: as many of `must` as can, then of the least cost. Between
 * `bonded` atoms alone.
 *
 * @returns the pairs, and how many of `must` are left without
 */
function matching(
  must: readonly number[],
  may: readonly number[],
  bonded: (i: number, j: number) => boolean,
  cost: (i: number, j: number) => number = () => 0,
): { readonly pairs: readonly (readonly [number, number])[]; readonly left: number } {
  const all = [...must, ...may], pairs: [number, number][] = [], taken = new Set<number>();
  let best: { pairs: [number, number][]; left: number; cost: number } | undefined, tries = 0;
  const search = (from: number, left: number, paid: number) => {
    // Costs may be negative, so only what leaves more atoms without is given up early.
    if (best && left > best.left) return;
    if (++tries > MOST_TRIES) return;
    let next = from;
    while (next < must.length && taken.has(must[next])) next++;
    if (next === must.length) {
      if (!best || left < best.left || (left === best.left && paid < best.cost)) {
        best = { pairs: [...pairs], left, cost: paid };
      }
      return;
    }
    const i = must[next];
    taken.add(i);
    for (const j of all) {
      if (taken.has(j) || !bonded(i, j)) continue;
      taken.add(j), pairs.push([i, j]);
      search(next + 1, left, paid + cost(i, j));
      taken.delete(j), pairs.pop();
    }
    search(next + 1, left + 1, paid);
    taken.delete(i);
  };
  search(0, 0, 0);
  return best ?? { pairs: [], left: must.length };
}

/**
 * Orders `[N, N]` with single and double bonds in the place of aromatic ones, so that as many atoms as can obey valence.
 *
 * @param orders with {@link AROMATIC} where a bond is aromatic; symmetric
 * @param sums for each atom the sums of bond orders that its valences leave
 * @param cost of a double bond in place of a single one, where there is a choice
 */
export function kekulise(orders: Uint8Array, sums: BondSums, cost?: (i: number, j: number) => number): Uint8Array {
  const N = sums.length, out = orders.map((order) => order === AROMATIC ? 1 : order);
  const aromatic = (i: number, j: number) => orders[i * N + j] === AROMATIC, seen = new Uint8Array(N);
  for (let first = 0; first < N; first++) {
    const system: number[] = [];
    const visit = (i: number) => {
      seen[i] = 1;
      system.push(i);
      for (let j = 0; j < N; j++) if (!seen[j] && aromatic(i, j)) visit(j);
    };
    if (!seen[first]) visit(first);
    if (system.length < 2) continue;
    const must: number[] = [], may: number[] = [];
    for (const i of system) {
      let sum = 0;
      for (let j = 0; j < N; j++) sum += out[i * N + j];
      if (sums[i].includes(sum + 1)) (sums[i].includes(sum) ? may : must).push(i);
    }
    for (const [i, j] of matching(must, may, aromatic, cost).pairs) out[i * N + j] = out[j * N + i] = 2;
  }
  return out;
}
