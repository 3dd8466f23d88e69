/** Whether positions have the stereo that a graph specifies. */
import type { Centre, MoleculeGraph, StereoBond } from "./graph.ts";

type Positions = ArrayLike<number>;

const between = (x: Positions, from: number, to: number): [number, number, number] => [
  x[3 * to] - x[3 * from],
  x[3 * to + 1] - x[3 * from + 1],
  x[3 * to + 2] - x[3 * from + 2],
];

const cross = ([a, b, c]: number[], [d, e, f]: number[]) => [b * f - c * e, c * d - a * f, a * e - b * d];
const dot = ([a, b, c]: number[], [d, e, f]: number[]) => a * d + b * e + c * f;

/**
 * The signed volume that a centre's first three neighbours make with the fourth, or with the centre where a lone pair is the fourth; angstrom cubed.
 * Positive where they turn counterclockwise, seen from the first one, a lone pair last.
 */
export function volumeOf(x: Positions, { atom, neighbours: [a, b, c, d = atom] }: Omit<Centre, "sign">): number {
  return dot(between(x, d, a), cross(between(x, d, b), between(x, d, c)));
}

/** The cosine of the torsion about a double bond: 1 where its neighbours are on the same side. */
export function cosineOf(x: Positions, { atoms: [i, a, b, j] }: Omit<StereoBond, "cis">): number {
  const axis = between(x, a, b), u = cross(axis, between(x, a, i)), v = cross(axis, between(x, b, j));
  return dot(u, v) / Math.sqrt(dot(u, u) * dot(v, v));
}

/** What of the specified stereo positions have otherwise: the number of centres, and of double bonds. */
export function wrongStereo(graph: Pick<MoleculeGraph, "centres" | "stereoBonds">, x: Positions) {
  return {
    centres: graph.centres.filter((centre) => !(centre.sign * volumeOf(x, centre) > 0)).length,
    bonds: graph.stereoBonds.filter((bond) => !((bond.cis ? 1 : -1) * cosineOf(x, bond) > 0)).length,
  };
}

/**
 * Positions with the stereo that is specified: as they are, or mirrored where that makes all of it right; undefined where neither has it.
 *
 * @param x `[n, 3]` angstrom
 */
export function withStereo(
  graph: Pick<MoleculeGraph, "centres" | "stereoBonds">,
  x: Positions,
): { readonly positions: Float64Array; readonly mirrored: boolean } | undefined {
  const { centres, bonds } = wrongStereo(graph, x), mirrored = centres > 0;
  if (bonds > 0 || (mirrored && centres < graph.centres.length)) return undefined;
  return { positions: Float64Array.from(x, (value, k) => mirrored && k % 3 === 2 ? -value : value), mirrored };
}
