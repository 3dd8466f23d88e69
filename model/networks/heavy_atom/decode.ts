/** From a heavy-atom latent to a molecule with its hydrogens. */
import { distancesMean } from "../../../chem/bonds.ts";
import { type Chemistry, EDM } from "../../../chem/chemistry.ts";
import { elementOf } from "../../../chem/elements.ts";
import { type Bond, type FixedAtoms, fixedCount, type Molecule } from "../../../chem/molecule.ts";
import type { Decoding } from "../../diffusion/decodings.ts";
import { kekulise } from "./aromatic.ts";
import { argmaxGraph, draftGraph, type Graph, valenceGraph } from "./graph.ts";
import { elementPlaces, relax } from "../../../chem/relax.ts";
import { cross, lengthOf, plus, scaled, type Vector } from "../../../chem/vectors.ts";
import { ANGSTROM, AROMATIC, bondSumsOf, chargesOf, type LatentForm, ordersOf } from "./space.ts";
import type { BondSums, HeavyAtomClass } from "../../diffusion/types.ts";

const ORIGIN: Vector = [0, 0, 0];

/** The mean of positions `[n, 3]`. */
function centroid(positions: Float32Array): Vector {
  const sum = [0, 0, 0];
  positions.forEach((value, k) => sum[k % 3] += value);
  return [sum[0], sum[1], sum[2]].map((value) => 3 * value / positions.length) as unknown as Vector;
}

/** a / |a|, or `otherwise` where |a| is next to nothing. */
function unit(a: Vector, otherwise: Vector): Vector {
  const length = lengthOf(a);
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
  if (count === 1) return [unit(plus(s, u), fallback)];
  const first = unit(u, fallback), rest = plus(s, scaled(first, -1));
  if (count === 2) return [first, unit(rest, scaled(first, -1))];
  if (count === 4) return tetrahedron(first);
  const half = Math.min(lengthOf(rest) / 2, 0.95), along = unit(rest, scaled(first, -1));
  const side = unit(cross(along, first), across(first)), q = Math.sqrt(1 - half * half);
  return [first, plus(scaled(along, half), scaled(side, q)), plus(scaled(along, half), scaled(side, -q))];
}

/** The corners of a regular tetrahedron, the first at the unit vector `a`. */
function tetrahedron(a: Vector): Vector[] {
  const p = across(a), q = cross(a, p), radius = Math.sqrt(8) / 3;
  const around = [0, 2 * Math.PI / 3, 4 * Math.PI / 3].map((angle) =>
    plus(scaled(a, -1 / 3), plus(scaled(p, radius * Math.cos(angle)), scaled(q, radius * Math.sin(angle))))
  );
  return [a, ...around];
}

/**
 * Length of a bond to hydrogen in angstrom, by element, hydrogens and heavy neighbours.
 *
 * @param neighbours heavy atoms nearer than the sum of the radii
 */
function hydrogenBondLength(
  element: number,
  count: number,
  neighbours: number,
  chemistry: Chemistry = EDM,
): number {
  const { several, lone } = elementOf(element, chemistry).toHydrogen;
  return count > 1 ? several : lone[Math.min(neighbours, lone.length - 1)];
}

/** A molecule, and how it was decoded. */
export interface Decoded {
  readonly molecule: Molecule;
  /** `argmax` also where `valence` was asked for, and found no graph. */
  readonly decoding: Decoding;
  /** By `valence`: the likeliest graph broke a valence, or distances by `argmax` mean other bonds than the graph. */
  readonly repaired: boolean;
}

/**
 * The molecule of the latent at `z[at, ...)`: heavy atoms in the latent's order, then the hydrogens of each. In a chemistry of graphs it
 * carries its bonds and charges, and positions are the latent's; else `valence` moves them until distances say what the graph says.
 *
 * @param fixed the first atoms, which come out as they were given: the latent must lie in their frame (`fix.ts`), their centroid at the origin
 */
export function readLatent(
  z: Float32Array,
  nodes: number,
  classes: readonly HeavyAtomClass[],
  at = 0,
  decoding: Decoding = "argmax",
  chemistry: Chemistry = EDM,
  form: LatentForm = {},
  fixed?: FixedAtoms,
): Decoded {
  const width = 9 + classes.length, carries = chemistry.bonds === "graph", features = ordersOf(form);
  const bondSums = decoding === "valence" || form.aromatic ? bondSumsOf(classes, chemistry) : [];
  // A part that is given may have a charge of its own.
  const charges = fixed ? undefined : chargesOf(classes, form);
  const sound = decoding === "valence" ? valenceGraph(z, nodes, bondSums, at, { features, charges }) : undefined;
  const drafted = () =>
    form.aromatic ? draftGraph(z, nodes, bondSums, at, features) : argmaxGraph(z, nodes, classes, at);
  const graph = sound ?? drafted(), kinds = Array.from(graph.kinds, (kind) => classes[kind]);
  const atoms = kinds.reduce((total, [, hydrogens]) => total + 1 + hydrogens, 0);
  const atomicNumbers = new Uint8Array(atoms), positions = new Float32Array(atoms * 3);
  const vector = (i: number, v: number): Vector => {
    const k = at + i * width + 3 * v;
    return [z[k], z[k + 1], z[k + 2]];
  };
  const origin = fixed ? centroid(fixed.positions) : ORIGIN;
  for (let i = 0; i < nodes; i++) {
    atomicNumbers[i] = kinds[i][0];
    positions.set(plus(scaled(vector(i, 0), ANGSTROM), origin), 3 * i);
  }
  if (fixed) positions.set(fixed.positions);
  const bonds = bondsAsTheyLie(
    graph,
    bondSums,
    positions,
    elementPlaces(atomicNumbers.subarray(0, nodes), chemistry),
    chemistry,
  );
  const held = fixedCount({ fixed });
  let moved = false;
  const settle = (count: number, orders: Uint8Array) => {
    if (!sound || carries) return;
    const here = positions.subarray(0, 3 * count), before = here.slice();
    relax(here, elementPlaces(atomicNumbers.subarray(0, count), chemistry), orders, { chemistry, held });
    moved ||= here.some((value, k) => value !== before[k]);
  };
  settle(nodes, bonds);
  const orders = new Uint8Array(atoms * atoms);
  for (let i = 0; i < nodes; i++) orders.set(bonds.subarray(i * nodes, (i + 1) * nodes), i * atoms);
  let next = nodes;
  for (let i = 0; i < nodes; i++) {
    const [element, count] = kinds[i];
    if (count === 0) continue;
    const neighbours = heavyNeighbours(positions, atomicNumbers.subarray(0, nodes), i, chemistry);
    const length = hydrogenBondLength(element, count, neighbours, chemistry);
    for (const direction of hydrogenDirections(count, vector(i, 1), vector(i, 2))) {
      atomicNumbers[next] = 1;
      orders[next * atoms + i] = orders[i * atoms + next] = 1;
      for (let axis = 0; axis < 3; axis++) {
        positions[3 * next + axis] = positions[3 * i + axis] + length * direction[axis];
      }
      next++;
    }
  }
  settle(atoms, orders);
  const molecule = { atomicNumbers, positions, ...(fixed && { fixed }), ...(carries && graphOf(kinds, orders, atoms)) };
  if (!sound) return { molecule, decoding: "argmax", repaired: false };
  // The windows are narrower than EDM's rule: not all that was moved said something else.
  const other = () =>
    !distancesMean(readLatent(z, nodes, classes, at, "argmax", chemistry, form, fixed).molecule, orders, chemistry);
  return {
    molecule,
    decoding: "valence",
    repaired: sound.searched === true || (moved && other()),
  };
}

/** Orders `[N, N]` of a graph: where aromatic bonds leave a choice, the double ones are those whose lengths are nearest to theirs. */
function bondsAsTheyLie(
  { kinds, orders, words }: Graph,
  bondSums: BondSums,
  x: Float32Array,
  elements: Uint8Array,
  { elements: { length: kindsOfElements }, lengths }: Chemistry,
): Uint8Array {
  if (!words?.includes(AROMATIC)) return orders;
  return kekulise(words, Array.from(kinds, (kind) => bondSums[kind]), (i, j) => {
    const d = Math.hypot(x[3 * i] - x[3 * j], x[3 * i + 1] - x[3 * j + 1], x[3 * i + 2] - x[3 * j + 2]);
    const pair = kindsOfElements * elements[i] + elements[j], off = (order: 1 | 2) => d - lengths[order][pair] / 100;
    return off(2) ** 2 - off(1) ** 2;
  });
}

/** Bonds and, where there are any, charges. */
function graphOf(
  kinds: readonly HeavyAtomClass[],
  orders: Uint8Array,
  atoms: number,
): Pick<Molecule, "bonds" | "charges"> {
  const bonds: Bond[] = [], charges = new Int8Array(atoms);
  for (let i = 0; i < atoms; i++) {
    charges[i] = kinds[i]?.[2] ?? 0;
    for (let j = i + 1; j < atoms; j++) {
      const order = orders[i * atoms + j];
      if (order > 0) bonds.push({ i, j, order: order as Bond["order"] });
    }
  }
  return { bonds, ...(charges.some((charge) => charge !== 0) && { charges }) };
}

/** Heavy atoms nearer to heavy atom `i` than the sum of their radii. */
function heavyNeighbours(x: Float32Array, atomicNumbers: Uint8Array, i: number, chemistry: Chemistry): number {
  const radius = (k: number) => elementOf(atomicNumbers[k], chemistry).radius;
  let count = 0;
  for (let j = 0; j < atomicNumbers.length; j++) {
    if (j === i) continue;
    const d = (x[3 * i] - x[3 * j]) ** 2 + (x[3 * i + 1] - x[3 * j + 1]) ** 2 + (x[3 * i + 2] - x[3 * j + 2]) ** 2;
    if (d < (radius(i) + radius(j)) ** 2) count++;
  }
  return count;
}
