/** Molecules taken apart into heavy atoms, hydrogens and bonds: all that encoding needs, computed once a molecule. */
import { orderMatrix, perceiveBonds } from "../../../chem/bonds.ts";
import { type Chemistry, EDM } from "../../../chem/chemistry.ts";
import type { Bond, Molecule } from "../../../chem/molecule.ts";
import { aromaticBonds } from "./aromatic.ts";
import { AROMATIC, bondSumsOf, classLabel, type LatentForm, MAX_HYDROGENS } from "./space.ts";
import { type HeavyAtomClass } from "../../diffusion/types.ts";

/** One molecule of `nodes` heavy atoms. */
export interface Example {
  readonly nodes: number;
  /** Of the heavy atoms, angstrom, zero mean, `[N, 3]`. */
  readonly positions: Float32Array;
  /** Unit vectors from each heavy atom to its hydrogens, zeros after the last, `[N, 4, 3]`. */
  readonly hydrogens: Float32Array;
  /** Index of each heavy atom's class, `[N]`. */
  readonly classes: Uint8Array;
  /** Bond orders between the heavy atoms, 0 where there is no bond, `[N, N]`; of a form that has it, {@link AROMATIC} where a bond is. */
  readonly orders: Uint8Array;
}

/** Index of the heavy atom nearest to atom `h`. */
function nearest({ positions: x }: Molecule, h: number, heavy: readonly number[]): number {
  let best = 0, least = Infinity;
  for (let k = 0; k < heavy.length; k++) {
    const d = distance2(x, h, heavy[k]);
    if (d < least) least = d, best = k;
  }
  return best;
}

function distance2(x: Float32Array, i: number, j: number): number {
  return (x[3 * i] - x[3 * j]) ** 2 + (x[3 * i + 1] - x[3 * j + 1]) ** 2 + (x[3 * i + 2] - x[3 * j + 2]) ** 2;
}

/** The heavy atoms of a molecule, and the unit vectors to the hydrogens of each. */
function headsOf(molecule: Molecule) {
  const { atomicNumbers: Z, positions: x } = molecule, heavy: number[] = [], hydrogen: number[] = [];
  for (let a = 0; a < Z.length; a++) (Z[a] > 1 ? heavy : hydrogen).push(a);
  const N = heavy.length, place = new Map(heavy.map((atom, k) => [atom, k]));
  if (N === 0) throw new RangeError("heavy atoms must be at least 1; got 0");

  const counts = new Uint8Array(N), hydrogens = new Float32Array(N * MAX_HYDROGENS * 3);
  const parents = molecule.bonds && parentsOf(molecule.bonds, Z);
  for (const h of hydrogen) {
    const k = place.get(parents?.get(h) ?? -1) ?? nearest(molecule, h, heavy), parent = heavy[k];
    if (counts[k] === MAX_HYDROGENS) {
      throw new RangeError(`hydrogens of an atom must be at most ${MAX_HYDROGENS}; got more at atom ${parent}`);
    }
    const length = Math.sqrt(distance2(x, h, parent)) || 1;
    const at = (k * MAX_HYDROGENS + counts[k]++) * 3;
    for (let axis = 0; axis < 3; axis++) hydrogens[at + axis] = (x[3 * h + axis] - x[3 * parent + axis]) / length;
  }
  return { heavy, place, counts, hydrogens };
}

/** Index of each heavy atom's class. */
function classIndices(molecule: Molecule, heads: ReturnType<typeof headsOf>, classes: readonly HeavyAtomClass[]) {
  return Uint8Array.from(heads.heavy, (atom, k) => {
    const element = molecule.atomicNumbers[atom], hydrogens = heads.counts[k], charge = molecule.charges?.[atom] ?? 0;
    const index = classes.findIndex(([e, n, q = 0]) => e === element && n === hydrogens && q === charge);
    if (index >= 0) return index;
    const which = `atomic number ${element} with ${hydrogens} hydrogens${charge === 0 ? "" : `, charge ${charge}`}`;
    throw new RangeError(`the class must be one of ${classes.map(classLabel).join(" ")}; got ${which}`);
  });
}

/**
 * Takes a molecule apart. Where it carries bonds, those count; else a hydrogen belongs to the nearest heavy atom, and bond orders are
 * EDM's distance rule. Aromatic bonds are told where the form has them.
 *
 * @throws RangeError where there is no heavy atom, or one whose element, hydrogens and charge are none of `classes`
 */
export function toExample(
  molecule: Molecule,
  classes: readonly HeavyAtomClass[],
  chemistry: Chemistry = EDM,
  { aromatic }: LatentForm = {},
): Example {
  const { atomicNumbers: Z, positions: x } = molecule, heads = headsOf(molecule), { heavy, place, hydrogens } = heads;
  const N = heavy.length, indices = classIndices(molecule, heads, classes);
  const skeleton = { atomicNumbers: new Uint8Array(N), positions: new Float32Array(3 * N) };
  const mean = [0, 0, 0];
  for (let k = 0; k < N; k++) {
    skeleton.atomicNumbers[k] = Z[heavy[k]];
    for (let axis = 0; axis < 3; axis++) {
      mean[axis] += (skeleton.positions[3 * k + axis] = x[3 * heavy[k] + axis]) / N;
    }
  }
  const bonds = molecule.bonds ? skeletonBonds(molecule.bonds, place) : perceiveBonds(skeleton, chemistry);
  const orders = orderMatrix(N, bonds);
  if (aromatic) {
    const bondSums = bondSumsOf(classes, chemistry), kinds = Array.from(indices, (k) => classes[k]);
    aromaticBonds({ kinds, sums: Array.from(indices, (k) => bondSums[k]), orders })
      .forEach((is, pair) => void (is && (orders[pair] = AROMATIC)));
  }
  const positions = skeleton.positions.map((value, at) => value - mean[at % 3]);
  return { nodes: N, positions, hydrogens, classes: indices, orders };
}

/** The atom that each hydrogen is bonded to. */
export function parentsOf(bonds: readonly Bond[], atomicNumbers: Uint8Array): Map<number, number> {
  const parents = new Map<number, number>();
  for (const { i, j } of bonds) {
    if (atomicNumbers[i] === 1) parents.set(i, j);
    if (atomicNumbers[j] === 1) parents.set(j, i);
  }
  return parents;
}

/** The bonds among heavy atoms, by their places among these. */
function* skeletonBonds(bonds: readonly Bond[], place: ReadonlyMap<number, number>): Generator<Bond> {
  for (const { i, j, order } of bonds) {
    const a = place.get(i), b = place.get(j);
    if (a !== undefined && b !== undefined) yield { i: a, j: b, order };
  }
}

/** Examples of one size, one after another in flat arrays. */
interface Rows {
  count: number;
  positions: Float32Array;
  hydrogens: Float32Array;
  classes: Uint8Array;
  orders: Uint8Array;
}

/** Many examples, grouped by size, compact in memory: about 600 bytes a molecule of QM9. */
export interface ExampleSet {
  readonly count: number;
  /** Number of examples of each size. */
  readonly sizes: ReadonlyMap<number, number>;
  /** Example `index`, 0 to count - 1, as views. Sizes ascend with the index. */
  example(index: number): Example;
}

/** Packs examples by size; the order within a size is kept. Examples of fewer than `minNodes` nodes are left out. */
export function packExamples(examples: Iterable<Example>, { minNodes = 1 } = {}): ExampleSet {
  const groups = new Map<number, Rows>();
  for (const example of examples) {
    const N = example.nodes;
    if (N < minNodes) continue;
    let rows = groups.get(N);
    if (!rows) groups.set(N, rows = emptyRows(N, 64));
    if (rows.count * N === rows.classes.length) grow(rows);
    rows.positions.set(example.positions, rows.count * N * 3);
    rows.hydrogens.set(example.hydrogens, rows.count * N * MAX_HYDROGENS * 3);
    rows.classes.set(example.classes, rows.count * N);
    rows.orders.set(example.orders, rows.count * N * N);
    rows.count++;
  }
  const order = [...groups.keys()].sort((a, b) => a - b);
  const ends: number[] = [];
  for (const N of order) ends.push((ends.at(-1) ?? 0) + groups.get(N)!.count);
  const count = ends.at(-1) ?? 0;
  return {
    count,
    sizes: new Map(order.map((N) => [N, groups.get(N)!.count])),
    example(index) {
      if (!(index >= 0 && index < count)) throw new RangeError(`the example must be 0 to ${count - 1}; got ${index}`);
      const g = ends.findIndex((end) => index < end), N = order[g], rows = groups.get(N)!;
      const row = index - (ends[g] - rows.count), H = N * MAX_HYDROGENS * 3;
      return {
        nodes: N,
        positions: rows.positions.subarray(row * N * 3, (row + 1) * N * 3),
        hydrogens: rows.hydrogens.subarray(row * H, (row + 1) * H),
        classes: rows.classes.subarray(row * N, (row + 1) * N),
        orders: rows.orders.subarray(row * N * N, (row + 1) * N * N),
      };
    },
  };
}

function emptyRows(N: number, capacity: number): Rows {
  return {
    count: 0,
    positions: new Float32Array(capacity * N * 3),
    hydrogens: new Float32Array(capacity * N * MAX_HYDROGENS * 3),
    classes: new Uint8Array(capacity * N),
    orders: new Uint8Array(capacity * N * N),
  };
}

/** Doubles the room of each array. */
function grow(rows: Rows): void {
  const double = <T extends Float32Array | Uint8Array>(old: T, fresh: T): T => (fresh.set(old), fresh);
  rows.positions = double(rows.positions, new Float32Array(rows.positions.length * 2));
  rows.hydrogens = double(rows.hydrogens, new Float32Array(rows.hydrogens.length * 2));
  rows.classes = double(rows.classes, new Uint8Array(rows.classes.length * 2));
  rows.orders = double(rows.orders, new Uint8Array(rows.orders.length * 2));
}
