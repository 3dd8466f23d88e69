/** From a heavy-atom latent to a molecule with its hydrogens. */
import type { Molecule } from "../../../chem/molecule.ts";
import type { Decoding } from "../../diffusion/decodings.ts";
import { argmaxGraph, valenceGraph } from "./graph.ts";
import { elementPlaces, relax } from "./relax.ts";
import { ANGSTROM } from "./space.ts";
import { type HeavyAtomClass } from "../../diffusion/types.ts";

type Vector = [number, number, number];

const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const scaled = (a: Vector, k: number): Vector => [k * a[0], k * a[1], k * a[2]];
const sum = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
/** a / |a|, or `otherwise` where |a| is next to nothing. */
function unit(a: Vector, otherwise: Vector): Vector {
  const length = Math.sqrt(dot(a, a));
  return length > 1e-6 ? scaled(a, 1 / length) : otherwise;
}
/** Some unit vector across the unit vector `a`. */
function across(a: Vector): Vector {
  const axis: Vector = Math.abs(a[0]) < 0.6 ? [1, 0, 0] : [0, 1, 0];
  return unit(cross(a, axis), [0, 0, 1]);
}

/**
 * Unit vectors to `count` hydrogens whose sum is about `s` and of which one is about `u`.
 *
 * One: along s + u. Two: u and s - u. Three: u and the two unit vectors that add up to s - u, in the plane across u.
 * Four: a regular tetrahedron with a corner at u (methane: s says nothing).
 */
export function hydrogenDirections(count: number, s: Vector, u: Vector): Vector[] {
  if (count === 0) return [];
  const fallback = unit(s, [0, 0, 1]);
  if (count === 1) return [unit(sum(s, u), fallback)];
  const first = unit(u, fallback), rest = sum(s, scaled(first, -1));
  if (count === 2) return [first, unit(rest, scaled(first, -1))];
  if (count === 4) return tetrahedron(first);
  const half = Math.min(Math.sqrt(dot(rest, rest)) / 2, 0.95), along = unit(rest, scaled(first, -1));
  const side = unit(cross(along, first), across(first)), q = Math.sqrt(1 - half * half);
  return [first, sum(scaled(along, half), scaled(side, q)), sum(scaled(along, half), scaled(side, -q))];
}

/** The corners of a regular tetrahedron, the first at the unit vector `a`. */
function tetrahedron(a: Vector): Vector[] {
  const p = across(a), q = cross(a, p), radius = Math.sqrt(8) / 3;
  const around = [0, 2 * Math.PI / 3, 4 * Math.PI / 3].map((angle) =>
    sum(scaled(a, -1 / 3), sum(scaled(p, radius * Math.cos(angle)), scaled(q, radius * Math.sin(angle))))
  );
  return [a, ...around];
}

/**
 * Length of a bond to hydrogen in angstrom: QM9's means (training split) by element, hydrogens and heavy neighbours.
 *
 * @param neighbours heavy atoms within 1.75 angstrom
 */
function hydrogenBondLength(element: number, count: number, neighbours: number): number {
  if (element === 6) return count > 1 ? 1.094 : neighbours <= 1 ? 1.062 : neighbours === 2 ? 1.089 : 1.091;
  if (element === 7) return count > 1 ? 1.011 : neighbours <= 1 ? 1.02 : 1.012;
  return 0.965;
}

/** The molecule of the latent at `z[at, ...)`: heavy atoms in the latent's order, then the hydrogens of each. */
export function readLatent(
  z: Float32Array,
  nodes: number,
  classes: readonly HeavyAtomClass[],
  at = 0,
  decoding: Decoding = "argmax",
): Molecule {
  const width = 9 + classes.length;
  const graph = decoding === "valence" ? valenceGraph(z, nodes, classes, at) : undefined;
  const kinds = Array.from(graph?.kinds ?? argmaxGraph(z, nodes, classes, at).kinds, (kind) => classes[kind]);
  const atoms = kinds.reduce((total, [, hydrogens]) => total + 1 + hydrogens, 0);
  const atomicNumbers = new Uint8Array(atoms), positions = new Float32Array(atoms * 3);
  const vector = (i: number, v: number): Vector => {
    const k = at + i * width + 3 * v;
    return [z[k], z[k + 1], z[k + 2]];
  };
  for (let i = 0; i < nodes; i++) {
    atomicNumbers[i] = kinds[i][0];
    positions.set(scaled(vector(i, 0), ANGSTROM), 3 * i);
  }
  if (graph) relax(positions.subarray(0, 3 * nodes), elementPlaces(atomicNumbers.subarray(0, nodes)), graph.orders);
  const orders = new Uint8Array(atoms * atoms);
  if (graph) {
    for (let i = 0; i < nodes; i++) {
      orders.set(graph.orders.subarray(i * nodes, (i + 1) * nodes), i * atoms);
    }
  }
  let next = nodes;
  for (let i = 0; i < nodes; i++) {
    const [element, count] = kinds[i];
    if (count === 0) continue;
    const length = hydrogenBondLength(element, count, heavyNeighbours(positions, nodes, i));
    for (const direction of hydrogenDirections(count, vector(i, 1), vector(i, 2))) {
      atomicNumbers[next] = 1;
      orders[next * atoms + i] = orders[i * atoms + next] = 1;
      for (let axis = 0; axis < 3; axis++) {
        positions[3 * next + axis] = positions[3 * i + axis] + length * direction[axis];
      }
      next++;
    }
  }
  if (graph) relax(positions, elementPlaces(atomicNumbers), orders);
  return { atomicNumbers, positions };
}

/** Heavy atoms within 1.75 angstrom of heavy atom `i`. */
function heavyNeighbours(x: Float32Array, nodes: number, i: number): number {
  let count = 0;
  for (let j = 0; j < nodes; j++) {
    if (j === i) continue;
    const d = (x[3 * i] - x[3 * j]) ** 2 + (x[3 * i + 1] - x[3 * j + 1]) ** 2 + (x[3 * i + 2] - x[3 * j + 2]) ** 2;
    if (d < 1.75 * 1.75) count++;
  }
  return count;
}
