/**
 * Between which distances a molecule's atoms can lie, from its graph alone: the bounds of distance geometry (Crippen and Havel, "Distance Geometry and Molecular
 * Conformation", 1988, chapter 4), as coarse as an embedding needs that a network then refines.
 */
import { type Chemistry, DRUGLIKE } from "../chemistry.ts";
import type { MoleculeGraph } from "./graph.ts";

/** Of N atoms, angstrom, `[N, N]`, symmetric. */
export interface DistanceBounds {
  readonly nodes: number;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** Bonds that turn freely, each with what its torsion may be: one choice is drawn for each embedding. */
  readonly turns: readonly Turn[];
}

/** A torsion that is drawn: the distance of its ends. */
export interface Turn {
  readonly i: number;
  readonly l: number;
  readonly choices: readonly TurnChoice[];
}

/** One of its choices: between which distances the ends lie, and the share of the embeddings that take it. */
export interface TurnChoice {
  readonly lower: number;
  readonly upper: number;
  readonly share: number;
}

/**
 * Torsions that single bonds prefer, degrees from 0 to 180, with how often each is drawn; what is left of the share is any. Ends are those with most neighbours. These are the textbook's:
 * staggered chains, flat conjugated systems, Z esters and amides; they are not fitted.
 */
const PREFERRED = {
  chain: [[160, 180, 0.5], [50, 75, 0.5]],
  conjugated: [[165, 180, 0.5], [0, 20, 0.5]],
  acyl: [[165, 180, 0.9], [0, 15, 0.1]],
} as const;

/** The least distance of atoms that are four bonds apart or more, by how many of the two are hydrogens, and how far bonds and angles may be off, angstrom. */
const APART = [3, 2.4, 2], SLACK = 0.03;

/** The length of a bond that the chemistry has no length for. */
const UNKNOWN_LENGTH = 1.8;

/** Rings of at most so many atoms are kept nearly flat, or folded as cyclohexane. */
const SMALL = 6;

const DEGREE = Math.PI / 180;

/** A neighbour, with the order of the bond to it. */
interface Neighbour {
  readonly to: number;
  readonly order: number;
}

/**
 * Bounds for all atoms, or for the heavy ones, which come first in the graph.
 *
 * @param of which of them
 */
export function distanceBounds(
  graph: MoleculeGraph,
  of: "all" | "heavy",
  chemistry: Chemistry = DRUGLIKE,
): DistanceBounds {
  const { atomicNumbers: Z } = graph, isH = (atom: number) => Number(Z[atom] === 1);
  const N = of === "all" ? Z.length : Z.filter((one) => one > 1).length, near = neighboursOf(graph, N);
  const lower = new Float64Array(N * N), upper = new Float64Array(N * N).fill(Infinity);
  for (let i = 0; i < N; i++) {
    for (let j = 0; j < N; j++) lower[i * N + j] = i === j ? 0 : APART[isH(i) + isH(j)];
    upper[i * N + i] = 0;
  }
  const put = (i: number, j: number, least: number, most: number) => {
    // What is nearer by bonds decides; of several ways as long, all must hold.
    if (upper[i * N + j] < Infinity) least = Math.min(least, lower[i * N + j]), most = Math.max(most, upper[i * N + j]);
    lower[i * N + j] = lower[j * N + i] = least, upper[i * N + j] = upper[j * N + i] = most;
  };
  const shapes = near.map((_, j) => shapeOf(graph, near, j));
  const ringOf = smallestRingOf(near);
  const length = lengths(
    graph,
    N,
    chemistry,
    (i, j) => shapes[i] === "planar" && shapes[j] === "planar" && ringOf(i, j) <= SMALL,
  );
  const angle = (i: number, j: number, k: number) => angleAt(shapes[j], ringOf(i, j, k));
  const ends = ([i, j, k, l]: readonly [number, number, number, number]) =>
    acrossBond([length(i, j), length(j, k), length(k, l)], [angle(i, j, k), angle(j, k, l)]);
  for (let i = 0; i < N; i++) for (const { to: j } of near[i]) put(i, j, length(i, j) - SLACK, length(i, j) + SLACK);
  const direct = upper.map((most) => most < Infinity ? 1 : 0), close = direct.slice();
  for (let j = 0; j < N; j++) {
    for (const { to: i } of near[j]) {
      for (const { to: k } of near[j]) {
        if (i >= k || direct[i * N + k]) continue;
        const [a, b] = [length(i, j), length(j, k)];
        const d = Math.sqrt(a * a + b * b - 2 * a * b * Math.cos(angle(i, j, k)));
        put(i, k, d - 2 * SLACK, d + 2 * SLACK);
        close[i * N + k] = close[k * N + i] = 1;
      }
    }
  }
  for (let j = 0; j < N; j++) {
    for (const { to: k, order } of near[j]) {
      if (j > k) continue;
      for (const { to: i } of near[j]) {
        for (const { to: l } of near[k]) {
          if (i === k || l === j || i === l || close[i * N + l]) continue;
          const turn = torsion(graph, [i, j, k, l], { order, shapes, ringOf });
          const d = turn.map(ends([i, j, k, l]));
          put(i, l, Math.min(...d) - 2 * SLACK, Math.max(...d) + 2 * SLACK);
        }
      }
    }
  }
  smooth(lower, upper, N);
  const turns = turnsOf(graph, near, { shapes, ringOf }).flatMap(({ path, kind }): Turn[] => {
    const i = path[0], l = path[3];
    if (close[i * N + l]) return [];
    const d = ends(path);
    const choices = PREFERRED[kind].map(([from, to, share]) => ({
      lower: d(from * DEGREE) - SLACK,
      upper: d(to * DEGREE) + SLACK,
      share,
    }));
    return [{ i, l, choices }];
  });
  return { nodes: N, lower, upper, turns };
}

/** The same in another unit of length. */
export const scaledBounds = ({ lower, upper, turns, ...rest }: DistanceBounds, by: number): DistanceBounds => ({
  ...rest,
  lower: lower.map((d) => by * d),
  upper: upper.map((d) => by * d),
  turns: turns.map(({ choices, ...ends }) => ({
    ...ends,
    choices: choices.map(({ lower, upper, share }) => ({ lower: by * lower, upper: by * upper, share })),
  })),
});

/** The bonds that turn, each with the path that its torsion is told by. */
function turnsOf(
  graph: MoleculeGraph,
  near: readonly Neighbour[][],
  { shapes, ringOf }: Pick<Around, "shapes" | "ringOf">,
): { path: readonly [number, number, number, number]; kind: keyof typeof PREFERRED }[] {
  const { atomicNumbers: Z } = graph, turns: ReturnType<typeof turnsOf> = [];
  const end = (j: number, k: number) => {
    const ends = near[j].filter(({ to }) => to !== k);
    return ends.length === 0 ? undefined : ends.reduce((a, b) => near[b.to].length > near[a.to].length ? b : a).to;
  };
  const isAcyl = (atom: number) => near[atom].some(({ to, order }) => order === 2 && Z[to] === 8);
  near.forEach((own, j) =>
    own.forEach(({ to: k, order }) => {
      if (j > k || order !== 1 || ringOf(j, k) <= near.length) return;
      const i = end(j, k), l = end(k, j), [a, b] = [shapes[j], shapes[k]];
      if (i === undefined || l === undefined || a !== b || a === "linear") return;
      const acyl = (isAcyl(j) && Z[k] !== 6) || (isAcyl(k) && Z[j] !== 6);
      turns.push({ path: [i, j, k, l], kind: a === "tetrahedral" ? "chain" : acyl ? "acyl" : "conjugated" });
    })
  );
  return turns;
}

function neighboursOf({ bonds }: MoleculeGraph, N: number): Neighbour[][] {
  const near = Array.from({ length: N }, (): Neighbour[] => []);
  for (const { i, j, order } of bonds) {
    if (i >= N || j >= N) continue;
    near[i].push({ to: j, order });
    near[j].push({ to: i, order });
  }
  return near;
}

/** Typical lengths of the bonds; of bonds of flat rings, whose double bonds may lie otherwise as well, the mean of single and double ones. */
function lengths(
  { atomicNumbers, bonds }: MoleculeGraph,
  N: number,
  { places, elements, lengths }: Chemistry,
  isFlatRing: (i: number, j: number) => boolean,
) {
  const known = new Float64Array(N * N);
  for (const { i, j, order } of bonds) {
    if (i >= N || j >= N) continue;
    const [a, b] = [places[atomicNumbers[i]], places[atomicNumbers[j]]];
    const of = (order: 1 | 2 | 3) => lengths[order][a * elements.length + b] / 100 || UNKNOWN_LENGTH;
    const length = order < 3 && isFlatRing(i, j) ? (of(1) + of(2)) / 2 : of(order as 1 | 2 | 3);
    known[i * N + j] = known[j * N + i] = length;
  }
  return (i: number, j: number) => known[i * N + j];
}

/** How an atom's neighbours lie: in a line, in a plane, or about the corners of a tetrahedron. */
type Shape = "linear" | "planar" | "tetrahedral";

function shapeOf({ atomicNumbers, bonds }: MoleculeGraph, near: readonly Neighbour[][], atom: number): Shape {
  const orders = bonds.filter(({ i, j }) => i === atom || j === atom).map(({ order }) => order),
    Z = atomicNumbers[atom];
  if (Z > 9) return "tetrahedral";
  const doubles = orders.filter((order) => order === 2).length;
  if (orders.includes(3) || doubles > 1) return "linear";
  if (doubles === 1) return "planar";
  // A nitrogen or oxygen beside a double bond is drawn into its plane.
  const beside = (Z === 7 || Z === 8) && near[atom].some(({ to }) => near[to].some(({ order }) => order > 1));
  return beside ? "planar" : "tetrahedral";
}

/** The angle at an atom between two neighbours whose smallest ring through it has so many atoms. */
function angleAt(shape: Shape, ring: number): number {
  if (ring === 3) return 60 * DEGREE;
  if (ring === 4) return 90 * DEGREE;
  if (ring === 5) return 106 * DEGREE;
  return ({ linear: 180, planar: 120, tetrahedral: 110 })[shape] * DEGREE;
}

/** The atoms of the smallest ring through a path of bonded atoms; Infinity where there is none. */
function smallestRingOf(near: readonly Neighbour[][]) {
  return (...path: readonly number[]): number => {
    const [from, ...inner] = path, to = inner.pop()!, seen = new Set([from, ...inner]);
    let front = [from];
    for (let size = path.length; front.length > 0; size++) {
      const next: number[] = [];
      for (const atom of front) {
        for (const { to: other } of near[atom]) {
          // The bond itself closes no ring.
          if (other === to && size > 2) return size;
          if (other === to || seen.has(other)) continue;
          seen.add(other), next.push(other);
        }
      }
      front = next;
    }
    return Infinity;
  };
}

/** What a torsion depends on. */
interface Around {
  readonly order: number;
  readonly shapes: readonly Shape[];
  readonly ringOf: ReturnType<typeof smallestRingOf>;
}

/** The torsions i-j-k-l between which it may lie, radians. */
function torsion(
  { stereoBonds }: MoleculeGraph,
  [i, j, k, l]: readonly [number, number, number, number],
  { order, shapes, ringOf }: Around,
): [number, number] {
  const flat = shapes[j] !== "tetrahedral" && shapes[k] !== "tetrahedral", ring = ringOf(i, j, k, l);
  if (ring <= SMALL) return [0, (flat ? 5 : ring === SMALL ? 60 : 40) * DEGREE];
  if (flat && ringOf(j, k) <= SMALL) {
    // About a flat ring's bond: neighbours outside of it, or both inside of the same, lie side by side; of two kinds, or in two rings, across.
    const inside = [ringOf(i, j, k), ringOf(j, k, l)].filter((size) => size <= SMALL).length;
    return inside === 0 ? [0, 0] : [Math.PI, Math.PI];
  }
  const told = stereoBonds.find(({ atoms: [, a, b] }) => (a === j && b === k) || (a === k && b === j));
  if (order === 2 && told) {
    // One of the told neighbours in place of another of its atom turns it over.
    const others = [i, l].filter((atom) => atom !== told.atoms[0] && atom !== told.atoms[3]).length;
    return told.cis === (others !== 1) ? [0, 0] : [Math.PI, Math.PI];
  }
  return [0, Math.PI];
}

/** The distance of the ends of three bonds of these lengths and angles, by the torsion. */
function acrossBond([a, b, c]: readonly number[], [alpha, beta]: readonly number[]): (turn: number) => number {
  const along = b - a * Math.cos(alpha) - c * Math.cos(beta), p = a * Math.sin(alpha), q = c * Math.sin(beta);
  return (turn) => Math.sqrt(along * along + p * p + q * q - 2 * p * q * Math.cos(turn));
}

/** Bounds that the triangle inequality leaves (Dress and Havel 1988: shortest ways for upper bounds, their differences for lower ones). */
function smooth(lower: Float64Array, upper: Float64Array, N: number): void {
  for (let k = 0; k < N; k++) {
    for (let i = 0; i < N; i++) {
      for (let j = 0; j < N; j++) {
        const far = upper[i * N + k] + upper[k * N + j];
        if (far < upper[i * N + j]) upper[i * N + j] = far;
        const least = lower[i * N + k] - upper[k * N + j];
        if (least > lower[i * N + j]) lower[i * N + j] = lower[j * N + i] = least;
      }
    }
  }
  for (let pair = 0; pair < N * N; pair++) if (lower[pair] > upper[pair]) lower[pair] = upper[pair];
}
