/** A molecule's graph as MMFF94 looks at it: neighbours, rings, and which of these are aromatic by MMFF94's own rule. */
import type { Bond } from "../molecule.ts";
import { aromaticRings } from "./aromaticity.ts";
import { relevantRings } from "./rings.ts";

/** What is known of a molecule whatever its positions: all hydrogens are atoms, and bond orders are whole numbers. */
export interface Topology {
  readonly atomicNumbers: ArrayLike<number>;
  /** Formal charges; all zero where absent. */
  readonly charges?: ArrayLike<number>;
  readonly bonds: readonly Bond[];
}

/** The graph with what types are read from. Atoms are called by their places in the molecule. */
export interface Graph {
  readonly elements: readonly number[];
  readonly charges: readonly number[];
  /** In the order of the bonds. */
  readonly neighbours: readonly (readonly number[])[];
  /** The sum of each atom's bond orders. */
  readonly valences: readonly number[];
  /** Whether an atom is in an aromatic ring. */
  readonly aromatic: readonly boolean[];
  /** The order as given: 1, 2 or 3; 0 where there is no bond. */
  order(i: number, j: number): number;
  /** Whether the bond is one of an aromatic ring. */
  aromaticBond(i: number, j: number): boolean;
  /** The same of a bond that is of no aromatic ring; 0 of one that is. */
  plainOrder(i: number, j: number): number;
  inRing(atom: number, size: number): boolean;
  inAromaticRing(atom: number, size: number): boolean;
  shareRing(i: number, j: number, size: number): boolean;
  /** The number of rings that an atom is in. */
  rings(atom: number): number;
  /** The size of the smallest ring that has all of these atoms; 0 where there is none. */
  smallestRing(atoms: readonly number[]): number;
}

/** Whether all of these are among the atoms of a ring. */
const holds = (ring: readonly number[], ...atoms: number[]) => atoms.every((atom) => ring.includes(atom));

/** Perceives rings and aromaticity. @throws RangeError for a bond whose atoms are not there, or the same */
export function graphOf({ atomicNumbers, charges, bonds }: Topology): Graph {
  const elements = Array.from(atomicNumbers), n = elements.length;
  const neighbours: number[][] = elements.map(() => []),
    orders = new Uint8Array(n * n),
    valences = elements.map(() => 0);
  for (const { i, j, order } of bonds) {
    if (!(i >= 0 && j >= 0 && i < n && j < n && i !== j)) {
      throw new RangeError(`bonds must be between two of ${n} atoms; got ${i}-${j}`);
    }
    neighbours[i].push(j);
    neighbours[j].push(i);
    orders[i * n + j] = orders[j * n + i] = order;
    valences[i] += order;
    valences[j] += order;
  }
  const order = (i: number, j: number) => orders[i * n + j];
  const rings = relevantRings(neighbours), flat = aromaticRings({ elements, neighbours, valences, order }, rings);
  const bond = new Uint8Array(n * n), aromatic = elements.map(() => false);
  for (const ring of rings.filter((_, k) => flat[k])) {
    ring.forEach((atom, k) => {
      const next = ring[(k + 1) % ring.length];
      aromatic[atom] = true;
      bond[atom * n + next] = bond[next * n + atom] = 1;
    });
  }
  const aromaticBond = (i: number, j: number) => bond[i * n + j] === 1;
  const whole = rings.filter((ring) => ring.every((atom, k) => aromaticBond(atom, ring[(k + 1) % ring.length])));
  return {
    elements,
    charges: Array.from(charges ?? elements.map(() => 0)),
    neighbours,
    valences,
    aromatic,
    order,
    aromaticBond,
    plainOrder: (i, j) => aromaticBond(i, j) ? 0 : order(i, j),
    inRing: (atom, size) => rings.some((ring) => ring.length === size && holds(ring, atom)),
    inAromaticRing: (atom, size) => whole.some((ring) => ring.length === size && holds(ring, atom)),
    shareRing: (i, j, size) => rings.some((ring) => ring.length === size && holds(ring, i, j)),
    rings: (atom) => rings.filter((ring) => holds(ring, atom)).length,
    smallestRing(atoms) {
      let least = 0;
      for (const ring of rings) if ((least === 0 || ring.length < least) && holds(ring, ...atoms)) least = ring.length;
      return least;
    },
  };
}
