/** Arithmetic on flat latents; the layout is told in `types.ts`. */
import type { BatchShape, LatentSpace } from "./types.ts";
import type { Random } from "./random.ts";

/** Floats in the latent of one molecule of `nodes` nodes. */
export function latentLength(space: LatentSpace, nodes: number): number {
  return nodes * (3 * space.vectors + space.scalars) + nodes * nodes * space.pairs;
}

/** Takes the mean over the nodes out of the first vector (the position) of each molecule, in place. */
export function centre(z: Float32Array, space: LatentSpace, { batch, nodes }: BatchShape): Float32Array {
  const width = 3 * space.vectors + space.scalars, length = latentLength(space, nodes);
  if (space.vectors === 0) return z;
  for (let b = 0; b < batch; b++) {
    for (let axis = 0; axis < 3; axis++) {
      let mean = 0;
      for (let i = 0; i < nodes; i++) mean += z[b * length + i * width + axis];
      mean /= nodes;
      for (let i = 0; i < nodes; i++) z[b * length + i * width + axis] -= mean;
    }
  }
  return z;
}

/** Makes the pair part symmetric with unit variance off the diagonal: (e + e^T) / sqrt(2), in place. */
function symmetrise(z: Float32Array, space: LatentSpace, { batch, nodes }: BatchShape): void {
  const P = space.pairs, length = latentLength(space, nodes), from = length - nodes * nodes * P;
  for (let b = 0; b < batch; b++) {
    const base = b * length + from;
    for (let i = 0; i < nodes; i++) {
      for (let j = 0; j <= i; j++) {
        for (let p = 0; p < P; p++) {
          const ij = base + (i * nodes + j) * P + p, ji = base + (j * nodes + i) * P + p;
          // The diagonal carries no information; it is kept at zero.
          z[ij] = z[ji] = i === j ? 0 : (z[ij] + z[ji]) * Math.SQRT1_2;
        }
      }
    }
  }
}

/**
 * Standard normal noise in the latent space: positions in the subspace of zero mean, pairs symmetric.
 *
 * @param streams one a molecule: molecule b's noise depends on `streams[b]` alone
 * @returns `[B, latentLength]`
 */
export function drawNoise(space: LatentSpace, shape: BatchShape, streams: readonly Random[]): Float32Array {
  const length = latentLength(space, shape.nodes), z = new Float32Array(shape.batch * length);
  for (let b = 0; b < shape.batch; b++) streams[b].fillNormal(z, b * length, (b + 1) * length);
  symmetrise(z, space, shape);
  return centre(z, space, shape);
}
