/** Parameters of torsions by types: from the table, rows of more general types, or by the empirical rules (a) to (h) of MMFF.V. */
import { bondType, propertyOf, rowOf, type Typed } from "./lookup.ts";

/** V1, V2, V3 in kcal/mol. */
export type TorsionParameters = readonly [number, number, number];

/** 4 or 5 where a torsion is in a ring of so many, else 0. */
function ringOf({ graph: { neighbours, order } }: Typed, [i, j, k, l]: readonly number[]): number {
  if (order(i, l) > 0) return 4;
  return neighbours[i].some((next) => next !== j && next !== k && order(next, l) > 0) ? 5 : 0;
}

/** Halgren's torsion type, and the one that is tried where the table lacks it. */
function torsionTypes(typed: Typed, atoms: readonly [number, number, number, number]): [number, number] {
  const [i, j, k, l] = atoms, { graph, types } = typed, middle = bondType(typed, j, k);
  const beside = bondType(typed, i, j) === 1 || bondType(typed, k, l) === 1;
  const plain = middle === 0 && graph.plainOrder(j, k) === 1 && beside ? 2 : middle, ring = ringOf(typed, atoms);
  if (ring === 4 && graph.order(i, k) === 0 && graph.order(j, l) === 0) return [4, plain];
  return ring === 5 && atoms.some((atom) => types[atom] === 1) ? [5, plain] : [plain, 0];
}

/** Levels of both ends, in the order that they are tried: the types themselves, one end in general, the other, both. */
const LEVELS = [[1, 1], [2, 4], [4, 2], [4, 4]] as const;

/** A row of the table for a torsion type, at the first of some levels that has one. */
function row(
  { types, tables, variant }: Typed,
  [i, j, k, l]: readonly number[],
  type: number,
  levels: typeof LEVELS[number][],
) {
  const { torsions } = tables.variants[variant];
  for (const [first, last] of levels) {
    const a = tables.levels[types[i]]![first], d = tables.levels[types[l]]![last], b = types[j], c = types[k];
    const turned = b > c || b === c && a > d;
    const found = turned ? torsions.get(type, d, c, b, a) : torsions.get(type, a, b, c, d);
    if (found) return found;
  }
}

/** U, V and W of the elements (MMFF.V, tables VII to IX). */
const U: Readonly<Record<number, number>> = { 6: 2, 7: 2, 8: 2, 14: 1.25, 15: 1.25, 16: 1.25 };
const V: Readonly<Record<number, number>> = { 6: 2.12, 7: 1.5, 8: 0.2, 14: 1.22, 15: 2.4, 16: 0.49 };
const W: Readonly<Record<number, number>> = { 8: 2, 16: 8 };

/** By the empirical rules. */
function empirical(typed: Typed, j: number, k: number): TorsionParameters {
  const { graph } = typed, b = propertyOf(typed, j), c = propertyOf(typed, k), none = [0, 0, 0] as const;
  const elements = [graph.elements[j], graph.elements[k]], order = graph.plainOrder(j, k);
  const mean = (of: Readonly<Record<number, number>>) => Math.sqrt((of[elements[0]] ?? 0) * (of[elements[1]] ?? 0));
  const twofold = (share: number, beta = 6): TorsionParameters => [0, beta * share * mean(U), 0];
  const threefold: TorsionParameters = [0, 0, mean(V) / ((b.neighbours - 1) * (c.neighbours - 1))];
  if (b.linear || c.linear) return none; // (a)
  if (b.aromatic && c.aromatic && graph.aromaticBond(j, k)) { // (b)
    const mixed = Math.min(b.valence, c.valence) === 3 && Math.max(b.valence, c.valence) === 4;
    return twofold(b.lonePair || c.lonePair ? 0.3 : 0.5, mixed ? 3 : 6);
  }
  if (order === 2) return twofold(b.multiple === 2 && c.multiple === 2 ? 1 : 0.4); // (c)
  if (b.neighbours === 4 && c.neighbours === 4) return threefold; // (d)
  if (b.neighbours === 4 || c.neighbours === 4) { // (e), (f)
    const { neighbours, valence, multiple } = b.neighbours === 4 ? c : b;
    const flat = neighbours === 3 && (valence === 4 || valence === 34 || multiple > 0) ||
      neighbours === 2 && (valence === 3 || multiple > 0);
    return flat ? none : threefold;
  }
  const both = b.multiple > 0 && c.multiple > 0;
  if (order === 1 && both || b.multiple > 0 && c.lonePair || b.lonePair && c.multiple > 0) { // (g)
    if (b.lonePair && c.lonePair) return none;
    const giver = b.lonePair && c.multiple > 0 ? b : c.lonePair && b.multiple > 0 ? c : undefined;
    // Halgren counts rows from 1 here; the table's authors, and RDKit, from 0 for hydrogen.
    if (giver) return twofold(giver.multiple === 1 ? 0.5 : elements.every((one) => rowOf(one) === 2) ? 0.3 : 0.15);
    return twofold((b.multiple === 1 || c.multiple === 1) && elements.some((one) => one !== 6) ? 0.4 : 0.15);
  }
  const chalcogens = elements.every((element) => element === 8 || element === 16);
  return chalcogens ? [0, -mean(W), 0] : threefold; // (h)
}

/** Of the torsion i-j-k-l. */
export function torsionParameters(
  typed: Typed,
  atoms: readonly [number, number, number, number],
): TorsionParameters {
  const [type, second] = torsionTypes(typed, atoms);
  const close = row(typed, atoms, type, LEVELS.slice(0, 3));
  const general = close ?? row(typed, atoms, type, LEVELS.slice(3));
  // In a ring of five, whatever the ends, the type outside of rings is better where it has a row.
  const other = close || general && !(type === 5 && second > 0) ? undefined : row(typed, atoms, second, [...LEVELS]);
  const found = close ?? other ?? general;
  return found ? [found[0], found[1], found[2]] : empirical(typed, atoms[1], atoms[2]);
}
