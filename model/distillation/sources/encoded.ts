/** Clean latents of a data set's molecules through a model's own autoencoder: for GeoLDM and EDM. */
import type { Molecule } from "../../../chem/molecule.ts";
import { type GeoldmAutoencoder, POSTERIOR_DEVIATION } from "../../networks/geoldm/autoencoder.ts";
import { PURPOSE, random } from "../../diffusion/random.ts";
import type { Autoencoder } from "../../diffusion/types.ts";
import type { LatentSource } from "../source.ts";
import {
  addToPool,
  joinPool,
  keptPool,
  type LatentPool,
  poolCount,
  pooledSource,
  type PooledSourceOptions,
} from "./pool.ts";

/** A data set, as far as it is needed here. */
export interface MoleculeTable {
  readonly atomCounts: ArrayLike<number>;
  molecule(row: number): Molecule;
}

/** What to encode. */
export interface EncodedOptions {
  readonly autoencoder: Autoencoder;
  readonly data: MoleculeTable;
  /** Rows to choose from; QM9's training split, say. */
  readonly rows: ArrayLike<number>;
  /** Most molecules in the pool. Default 5000. */
  readonly count?: number;
  readonly seed: number;
  /** Molecules that are encoded together. Default 64. */
  readonly batch?: number;
  /** See {@link PooledSourceOptions}. */
  readonly oneSize?: PooledSourceOptions["oneSize"];
  readonly signal?: AbortSignal;
}

/** `count` of the rows, all where there are fewer, without replacement: a function of the seed alone. */
export function chooseRows(rows: ArrayLike<number>, count: number, seed: number): number[] {
  const all = Array.from(rows), stream = random(seed, 0, PURPOSE.choice), taken = Math.min(count, all.length);
  for (let k = 0; k < taken; k++) {
    const j = k + stream.integer(all.length - k);
    [all[k], all[j]] = [all[j], all[k]];
  }
  return all.slice(0, taken);
}

/** The posterior's means where there is a posterior, else the latents themselves. */
function means(autoencoder: Autoencoder | GeoldmAutoencoder, molecules: readonly Molecule[]): Promise<Float32Array> {
  return "encodeMeans" in autoencoder
    ? autoencoder.encodeMeans(molecules)
    : autoencoder.encode(molecules, molecules.map((_, k) => random(0, k)));
}

/**
 * Encodes the molecules chosen.
 *
 * @throws RangeError for an autoencoder whose nodes are not atoms, for no rows, and for an element it does not know
 */
export async function encodePool(options: EncodedOptions): Promise<LatentPool> {
  const { autoencoder, data, rows, count = 5000, seed, batch = 64, signal } = options;
  if (autoencoder.counts !== "atoms") {
    throw new RangeError(`an autoencoder whose nodes are atoms is asked for; this one's are ${autoencoder.counts}`);
  }
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`count must be a positive integer; got ${count}`);
  const bySize = new Map<number, number[]>();
  for (const row of chooseRows(rows, count, seed)) {
    const size = data.atomCounts[row];
    bySize.set(size, [...bySize.get(size) ?? [], row]);
  }
  const parts = new Map<number, Float32Array[]>();
  for (const [nodes, list] of bySize) {
    for (let at = 0; at < list.length; at += batch) {
      signal?.throwIfAborted();
      const molecules = list.slice(at, at + batch).map((row) => data.molecule(row));
      addToPool(parts, nodes, Float32Array.from(await means(autoencoder, molecules)));
    }
  }
  return joinPool(parts);
}

/**
 * A source of encoded molecules, its pool kept in the file `path`: one that is there already is taken whatever its count,
 * so that a run which goes on for longer sees the same. Each draw adds the posterior's noise.
 *
 * @param key tells apart the models, data sets and rows for which a pool may have been made
 */
export async function encodedSource(path: string, key: string, options: EncodedOptions): Promise<LatentSource> {
  const { autoencoder, seed, oneSize } = options, { space } = autoencoder;
  const pool = await keptPool(path, space, JSON.stringify({ key, seed }), () => encodePool(options));
  const deviation = "encodeMeans" in autoencoder ? POSTERIOR_DEVIATION : 0;
  const description = `${poolCount(pool, space)} molecules of the data through the model's autoencoder`;
  return pooledSource({ space, pool, deviation, description, oneSize });
}
