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
}

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
  const length = lengths(graph, N, chemistry), shapes = near.map((_, j) => shapeOf(graph, near, j));
  const ringOf = smallestRingOf(near), angle = (i: number, j: number, k: number) => angleAt(shapes[j], ringOf(i, j, k));
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
          const d = turn.map((at) =>
            acrossBond([length(i, j), length(j, k), length(k, l)], [angle(i, j, k), angle(j, k, l)], at)
          );
          put(i, l, Math.min(...d) - 2 * SLACK, Math.max(...d) + 2 * SLACK);
        }
      }
    }
  }
  smooth(lower, upper, N);
  return { nodes: N, lower, upper };
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

/** Typical lengths of the bonds. */
function lengths({ atomicNumbers, bonds }: MoleculeGraph, N: number, chemistry: Chemistry) {
  const orders = new Map(bonds.map(({ i, j, order }) => [Math.min(i, j) * N + Math.max(i, j), order]));
  return (i: number, j: number) => {
    const order = orders.get(Math.min(i, j) * N + Math.max(i, j))! as 1 | 2 | 3;
    const [a, b] = [i, j].map((atom) => chemistry.places[atomicNumbers[atom]]);
    return chemistry.lengths[order][a * chemistry.elements.length + b] / 100 || UNKNOWN_LENGTH;
  };
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

/** The atoms of the smallest ring through a path of bonded atoms; Infinity where it has more than {@link SMALL}. */
function smallestRingOf(near: readonly Neighbour[][]) {
  return (...path: readonly number[]): number => {
    const [from, ...inner] = path, to = inner.pop()!, seen = new Set([from, ...inner]);
    let front = [from];
    for (let size = path.length; size <= SMALL; size++) {
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

/** The distance of the ends of three bonds, by lengths, angles and torsion. */
function acrossBond([a, b, c]: readonly number[], [alpha, beta]: readonly number[], turn: number): number {
  const along = b - a * Math.cos(alpha) - c * Math.cos(beta), p = a * Math.sin(alpha), q = c * Math.sin(beta);
  return Math.sqrt(along * along + p * p + q * q - 2 * p * q * Math.cos(turn));
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
