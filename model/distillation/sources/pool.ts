/** A pool of clean latents by size, drawn from with replacement: what models without a source of their own learn on. */
import { randomRotation } from "../../networks/heavy_atom/encode.ts";
import { centre, drawNoise, latentLength } from "../../diffusion/latent.ts";
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from "../../diffusion/safetensors.ts";
import { absent, writeAtomically } from "../../diffusion/files.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { LatentSource } from "../source.ts";

/** Clean latents of each size: nodes -> `[count, L]`, one after another. */
export type LatentPool = ReadonlyMap<number, Float32Array>;

/** Turns all vectors of one molecule's nodes from `z[at, ...)` on, in place. */
function rotate(z: Float32Array, at: number, nodes: number, space: LatentSpace, r: ArrayLike<number>): void {
  const width = 3 * space.vectors + space.scalars;
  for (let node = 0; node < nodes; node++) {
    for (let vector = 0; vector < space.vectors; vector++) {
      const k = at + node * width + 3 * vector, [a, b, c] = [z[k], z[k + 1], z[k + 2]];
      for (let axis = 0; axis < 3; axis++) z[k + axis] = r[3 * axis] * a + r[3 * axis + 1] * b + r[3 * axis + 2] * c;
    }
  }
}

/** Latents in a pool. */
export function poolCount(pool: LatentPool, space: LatentSpace): number {
  return [...pool].reduce((sum, [nodes, latents]) => sum + latents.length / latentLength(space, nodes), 0);
}

/** How to draw from a pool. */
export interface PooledSourceOptions {
  readonly space: LatentSpace;
  readonly pool: LatentPool;
  readonly description: string;
  /** Deviation of the noise that is added to each latent drawn: that of a posterior whose means the pool holds. */
  readonly deviation?: number;
  /** Whether all molecules of a draw have one size, drawn by its share: one pass of a network in place of twenty. */
  readonly oneSize?: boolean;
}

/**
 * A source that draws from a pool, each latent turned (or mirrored) at random and centred.
 *
 * @throws RangeError for a pool without latents, or one whose arrays are no whole number of latents
 */
export function pooledSource(
  { space, pool, description, deviation = 0, oneSize = false }: PooledSourceOptions,
): LatentSource {
  const sizes = [...pool].sort(([a], [b]) => a - b).map(([nodes, latents]) => {
    const length = latentLength(space, nodes), count = latents.length / length;
    if (!Number.isInteger(count)) {
      throw new RangeError(`latents of ${nodes} nodes must have ${length} floats; got ${latents.length}`);
    }
    return { nodes, latents, length, count };
  });
  const total = sizes.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) throw new RangeError("no latents to draw from");
  return {
    description,
    draw(count, stream) {
      const drawn = new Map<typeof sizes[number], number[]>();
      const sizeOf = (at: number) => sizes.find((one) => (at -= one.count) < 0)!;
      const only = oneSize ? sizeOf(stream.integer(total)) : undefined;
      for (let k = 0; k < count; k++) {
        const size = only ?? sizeOf(stream.integer(total));
        drawn.set(size, [...drawn.get(size) ?? [], stream.integer(size.count)]);
      }
      return [...drawn].sort(([a], [b]) => b.nodes - a.nodes).map(([{ nodes, latents, length }, indices]) => {
        const shape = { batch: indices.length, nodes }, target = new Float32Array(indices.length * length);
        indices.forEach((index, b) => {
          target.set(latents.subarray(index * length, (index + 1) * length), b * length);
          rotate(target, b * length, nodes, space, randomRotation(stream));
        });
        if (deviation > 0) {
          const noise = drawNoise(space, shape, Array(indices.length).fill(stream));
          for (let i = 0; i < target.length; i++) target[i] += deviation * noise[i];
        }
        // Halves on disk leave the mean a little off zero.
        return { shape, target: centre(target, space, shape) };
      });
    },
  };
}

const TENSOR = /^nodes\.([1-9][0-9]*)$/;

/** A pool as a file: half precision, one tensor `nodes.<N>` `[count, L]` a size; `key` tells what it was made from. */
function packPool(pool: LatentPool, space: LatentSpace, key: string): Uint8Array {
  const tensors = new Map([...pool].map(([nodes, data]) => {
    const length = latentLength(space, nodes);
    return [`nodes.${nodes}`, { shape: [data.length / length, length], data }] as const;
  }));
  return writeSafetensors(tensors, { dtype: "F16", metadata: { key } });
}

function unpackPool(bytes: Uint8Array): LatentPool {
  return new Map([...readSafetensors(bytes)].map(([name, { data }]) => {
    const found = TENSOR.exec(name);
    if (!found) throw new SyntaxError(`tensors of a pool are named nodes.<N>; "${name}" is there`);
    return [Number(found[1]), data] as const;
  }));
}

/**
 * The pool in the file `path`, if it was made from the same `key`; else made, and written there. Always as read back from
 * the file, so that a run and its resume see the same numbers.
 */
export async function keptPool(
  path: string,
  space: LatentSpace,
  key: string,
  make: () => Promise<LatentPool>,
): Promise<LatentPool> {
  const found = await Deno.readFile(path).catch(absent);
  if (found && readSafetensorsMetadata(found).key === key) return unpackPool(found);
  const bytes = packPool(await make(), space, key);
  await writeAtomically(path, bytes);
  return unpackPool(bytes);
}

/** Latents of one batch put into a pool under way. */
export function addToPool(pool: Map<number, Float32Array[]>, nodes: number, latents: Float32Array): void {
  pool.set(nodes, [...pool.get(nodes) ?? [], latents]);
}

/** A pool from its batches. */
export function joinPool(parts: ReadonlyMap<number, readonly Float32Array[]>): LatentPool {
  return new Map(
    [...parts].sort(([a], [b]) => a - b).map(([nodes, list]) => {
      const all = new Float32Array(list.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const one of list) {
        all.set(one, at);
        at += one.length;
      }
      return [nodes, all];
    }),
  );
}
