/** How far apart two conformers are, whichever of a molecule's like atoms is which. */
import { superposedRmsd } from "../refinement/rmsd.ts";
import type { MoleculeGraph } from "./graph.ts";

/** Most automorphisms that are looked at. */
export const AUTOMORPHISMS_MAX = 500;

/** A molecule's heavy atoms, and the permutations of them that its graph does not notice. */
export interface Symmetry {
  /** Places of the heavy atoms; of all atoms where there is no heavy one. */
  readonly atoms: readonly number[];
  /** For each automorphism, the place that stands for each of `atoms`; the first is the identity. */
  readonly permutations: readonly (readonly number[])[];
  /** Whether there are no others. */
  readonly complete: boolean;
}

/**
 * Automorphisms of the heavy-atom graph. Atoms are alike by their element, their hydrogens and their neighbours: bond orders and charges follow from
 * these up to resonance, so that both Kekule forms of a ring, and both oxygens of a carboxylate, count as the same.
 */
export function symmetryOf({ atomicNumbers, bonds }: Pick<MoleculeGraph, "atomicNumbers" | "bonds">): Symmetry {
  const all = Array.from(atomicNumbers.keys()), heavy = all.filter((i) => atomicNumbers[i] !== 1);
  const atoms = heavy.length > 0 ? heavy : all, places = new Map(atoms.map((atom, k) => [atom, k]));
  const near: Set<number>[] = atoms.map(() => new Set()), hydrogens = atoms.map(() => 0);
  for (const { i, j } of bonds) {
    const [a, b] = [places.get(i), places.get(j)];
    if (a !== undefined && b !== undefined) near[a].add(b), near[b].add(a);
    else hydrogens[(a ?? b)!]++;
  }
  const classes = refined(near, atoms.map((atom, k) => `${atomicNumbers[atom]} ${hydrogens[k]}`));
  const { found, complete } = search(near, classes);
  return { atoms, permutations: found.map((map) => map.map((k) => atoms[k])), complete };
}

/** Classes of atoms by their labels and, again and again, those of their neighbours, until there are no more. */
function refined(near: readonly Set<number>[], labels: readonly string[]): number[] {
  const numbered = (texts: readonly string[]) => {
    const names = [...new Set(texts)].sort();
    return { classes: texts.map((text) => names.indexOf(text)), count: names.length };
  };
  let { classes, count } = numbered(labels);
  for (;;) {
    const next = numbered(
      classes.map((own, k) => `${own}:${[...near[k]].map((b) => classes[b]).sort((a, b) => a - b)}`),
    );
    if (next.count === count) return classes;
    ({ classes, count } = next);
  }
}

/** All maps of atoms to atoms of their class that keep neighbours, by backtracking along the graph, as far as {@link AUTOMORPHISMS_MAX}. */
function search(near: readonly Set<number>[], classes: readonly number[]) {
  const n = near.length, order = breadthFirst(near), map = new Array<number>(n).fill(-1), used = new Uint8Array(n);
  const earlier = order.map(({ atom }, k) =>
    order.slice(0, k).map((one) => one.atom).filter((one) => near[atom].has(one))
  );
  const found: number[][] = [];
  let complete = true;
  const place = (k: number): void => {
    if (k === n) {
      if (found.length < AUTOMORPHISMS_MAX) found.push([...map]);
      else complete = false;
      return;
    }
    const { atom, from } = order[k], candidates = from === undefined ? near.keys() : near[map[from]];
    // The atom itself first, so that the identity is the first that is found.
    for (const to of [...candidates].sort((a, b) => Number(b === atom) - Number(a === atom) || a - b)) {
      if (!complete) return;
      if (used[to] || classes[to] !== classes[atom] || !earlier[k].every((b) => near[to].has(map[b]))) continue;
      map[atom] = to, used[to] = 1;
      place(k + 1);
      map[atom] = -1, used[to] = 0;
    }
  };
  place(0);
  return { found, complete };
}

/** Atoms so that each but the first of a fragment has a neighbour before it. */
function breadthFirst(near: readonly Set<number>[]): { atom: number; from?: number }[] {
  const order: { atom: number; from?: number }[] = [], seen = new Set<number>();
  for (const start of near.keys()) {
    if (seen.has(start)) continue;
    seen.add(start);
    for (const queue: { atom: number; from?: number }[] = [{ atom: start }]; queue.length > 0;) {
      const one = queue.shift()!;
      order.push(one);
      for (const next of near[one.atom]) {
        if (!seen.has(next)) seen.add(next), queue.push({ atom: next, from: one.atom });
      }
    }
  }
  return order;
}

/** Positions of these atoms. */
const taken = (x: ArrayLike<number>, atoms: readonly number[]): Float64Array =>
  Float64Array.from({ length: 3 * atoms.length }, (_, k) => x[3 * atoms[Math.floor(k / 3)] + k % 3]);

/**
 * The least root mean square distance of the heavy atoms after superposition, without reflection, over the automorphisms.
 *
 * @param x,y `[n, 3]` angstrom
 * @param enough it may give up at a distance below this
 */
export function symmetricRmsd(
  { atoms, permutations }: Symmetry,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  enough = 0,
): number {
  const a = taken(x, atoms);
  let least = Infinity;
  for (const permutation of permutations) {
    least = Math.min(least, superposedRmsd(a, taken(y, permutation)));
    if (least < enough) break;
  }
  return least;
}
