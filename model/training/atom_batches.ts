/** Batches of all-atom molecules of one size with the noise that a loss asks for. */
import type { Molecule } from "../../chem/molecule.ts";
import { atomFeatureArrays } from "../networks/atom_features.ts";
import { randomRotation } from "../networks/heavy_atom/encode.ts";
import { drawNoise } from "../diffusion/latent.ts";
import { PURPOSE, random } from "../diffusion/random.ts";
import type { BatchShape, LatentSpace, Schedule } from "../diffusion/types.ts";
import { QM9_ELEMENTS } from "../../chem/qm9.ts";

/** Molecules of one size. */
export interface AtomGroup {
  readonly shape: BatchShape;
  /** Angstrom, centred, `[B, N, 3]`. */
  readonly positions: Float32Array;
  /** One-hot types and charges, `[B, N, 6]`. */
  readonly features: Float32Array;
  /** Draws in the latent space `[B, L]`: of the posterior, and of the diffusion. */
  readonly posterior: Float32Array;
  readonly noise: Float32Array;
  /** `[B]` */
  readonly t: Float32Array;
  readonly alpha: Float32Array;
  readonly sigma: Float32Array;
}

/** Rows of a data set by number of atoms. */
export interface AtomSet {
  readonly count: number;
  readonly sizes: ReadonlyMap<number, readonly number[]>;
  molecule(row: number): Molecule;
}

/** Groups rows by size. */
export function atomSet(
  data: { readonly atomCounts: ArrayLike<number>; molecule(row: number): Molecule },
  rows: Iterable<number>,
): AtomSet {
  const groups = new Map<number, number[]>();
  let count = 0;
  for (const row of rows) {
    const size = data.atomCounts[row], group = groups.get(size);
    if (group) group.push(row);
    else groups.set(size, [row]);
    count++;
  }
  const sizes = new Map([...groups].sort(([a], [b]) => a - b));
  return { count, sizes, molecule: (row) => data.molecule(row) };
}

/** How a batch is drawn. */
export interface AtomBatchOptions {
  readonly set: AtomSet;
  readonly space: LatentSpace;
  readonly batch: number;
  readonly seed: number;
  readonly update: number;
  readonly schedule: Schedule;
  /** Times are multiples of 1 / timesteps, as the networks of the papers are trained. */
  readonly timesteps: number;
}

/**
 * Draws one size by its share of the data, then molecules of it with replacement, each rotated at random, with a time
 * (stratified over the batch) and noise: a function of the seed and the update alone.
 */
export function makeAtomGroup(options: AtomBatchOptions): AtomGroup {
  const { set, space, batch: B, seed, update, schedule, timesteps } = options;
  if (!(Number.isInteger(B) && B > 0)) throw new RangeError(`batch must be a positive integer; got ${B}`);
  if (set.count === 0) throw new RangeError("molecules must be at least 1; got 0");
  const stream = random(seed, update, PURPOSE.atomBatch);
  let at = stream.integer(set.count);
  const rows = [...set.sizes.values()].find((group) => (at -= group.length) < 0)!;
  const molecules = Array.from({ length: B }, () => set.molecule(rows[stream.integer(rows.length)]));
  const { positions, features, nodes } = atomFeatureArrays(molecules, { elements: QM9_ELEMENTS, includeCharges: true });
  const t = new Float32Array(B), alpha = new Float32Array(B), sigma = new Float32Array(B);
  for (let b = 0; b < B; b++) {
    rotate(positions, 3 * b * nodes, nodes, randomRotation(stream));
    const time = Math.max(1, Math.ceil(timesteps * (b + stream.uniform()) / B)) / timesteps, values = schedule(time);
    t[b] = time, alpha[b] = values.alpha, sigma[b] = values.sigma;
  }
  const shape = { batch: B, nodes }, streams = Array(B).fill(stream);
  const posterior = drawNoise(space, shape, streams), noise = drawNoise(space, shape, streams);
  return { shape, positions, features, posterior, noise, t, alpha, sigma };
}

/** Turns `count` vectors from `x[at, ...)` on, in place. */
function rotate(x: Float32Array, at: number, count: number, r: ArrayLike<number>): void {
  for (let i = at; i < at + 3 * count; i += 3) {
    const [a, b, c] = [x[i], x[i + 1], x[i + 2]];
    for (let axis = 0; axis < 3; axis++) x[i + axis] = r[3 * axis] * a + r[3 * axis + 1] * b + r[3 * axis + 2] * c;
  }
}
