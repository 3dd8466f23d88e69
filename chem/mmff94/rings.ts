/** The rings that MMFF94 speaks of: the relevant cycles of a bond graph, up to a size. */
import { createCycleBasis } from "../cycle_space.ts";
import { distancesOf } from "../graph_distances.ts";

/** Largest ring that is looked for: larger ones decide no type and no parameter. */
const MOST = 9;

/** Cycles of a size in which no two atoms have a shorter way outside; each once, from its lowest atom. */
function isometricCycles(
  size: number,
  neighbours: readonly (readonly number[])[],
  distances: readonly (readonly number[])[],
): number[][] {
  const found: number[][] = [], path: number[] = [];
  const fits = (atom: number) =>
    path.every((other, k) => distances[atom][other] === Math.min(path.length - k, size - path.length + k));
  const extend = (atom: number) => {
    path.push(atom);
    if (path.length < size) {
      for (const next of neighbours[atom]) if (next > path[0] && !path.includes(next) && fits(next)) extend(next);
    } else if (neighbours[atom].includes(path[0]) && path[1] < atom) found.push([...path]);
    path.pop();
  };
  for (let start = 0; start < neighbours.length; start++) extend(start);
  return found;
}

/** Atoms that a ring can go through: what is left when those with one neighbour are taken off again and again. */
function core(neighbours: readonly (readonly number[])[]): number[][] {
  let left = neighbours.map((list) => [...list]);
  while (left.some((list) => list.length === 1)) {
    left = left.map((list) => list.length === 1 ? [] : list.filter((next) => left[next].length > 1));
  }
  return left;
}

/**
 * The relevant cycles (Vismara, Electron. J. Combin. 4, R9, 1997) of at most 9 atoms: those that no shorter ones add up to, so the union of all smallest
 * sets of smallest rings.
 *
 * @param neighbours of each atom
 * @returns the atoms of each, in order round the ring
 */
export function relevantRings(neighbours: readonly (readonly number[])[]): number[][] {
  const graph = core(neighbours), distances = distancesOf(graph), numbers = new Map<number, bigint>();
  const bit = (i: number, j: number): bigint => {
    const pair = Math.min(i, j) * graph.length + Math.max(i, j), known = numbers.get(pair);
    if (known !== undefined) return known;
    const fresh = 1n << BigInt(numbers.size);
    numbers.set(pair, fresh);
    return fresh;
  };
  if (graph.every((list) => list.length === 0)) return [];
  const basis = createCycleBasis(), rings: number[][] = [];
  for (let size = 3; size <= MOST; size++) {
    const cycles = isometricCycles(size, graph, distances).map((atoms) => ({
      atoms,
      bits: atoms.reduce((sum, atom, k) => sum | bit(atom, atoms[(k + 1) % size]), 0n),
    })).filter(({ bits }) => basis.reduced(bits) !== 0n);
    for (const { bits } of cycles) basis.add(bits);
    rings.push(...cycles.map(({ atoms }) => atoms));
  }
  return rings;
}
