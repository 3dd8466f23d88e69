/** Arithmetic on flat latents; the layout is told in `types.ts`. */
import type { BatchShape, LatentSpace } from "./types.ts";
import type { Random } from "./random.ts";

/** Floats in the latent of one molecule of `nodes` nodes. */
export function latentLength(space: LatentSpace, nodes: number): number {
  return nodes * (3 * space.vectors + space.scalars) + nodes * nodes * space.pairs;
}

/** Some rows of `values`, `[B, length]`, one after another, `[rows, length]`. */
export function rowsOf(values: Float32Array, rows: readonly number[], length: number): Float32Array {
  const out = new Float32Array(rows.length * length);
  rows.forEach((b, k) => out.set(values.subarray(b * length, (b + 1) * length), k * length));
  return out;
}

/** Throws RangeError where `z` is not `[B, latentLength]`. */
export function checkLatents(z: { readonly length: number }, space: LatentSpace, { batch, nodes }: BatchShape): void {
  const length = latentLength(space, nodes);
  if (z.length !== batch * length) {
    throw new RangeError(`latents must be ${batch} x ${length} floats; got ${z.length}`);
  }
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

/** Fills the pair part of molecule b with unit normals, drawn once for i > j and mirrored; the diagonal stays zero. */
function drawPairs(z: Float32Array, space: LatentSpace, nodes: number, b: number, stream: Random): void {
  const P = space.pairs, length = latentLength(space, nodes), base = (b + 1) * length - nodes * nodes * P;
  const row = new Float32Array(nodes * P);
  for (let i = 1; i < nodes; i++) {
    stream.fillNormal(row, 0, i * P);
    for (let j = 0; j < i; j++) {
      for (let p = 0; p < P; p++) {
        z[base + (i * nodes + j) * P + p] = z[base + (j * nodes + i) * P + p] = row[j * P + p];
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
  const own = shape.nodes * (3 * space.vectors + space.scalars);
  for (let b = 0; b < shape.batch; b++) {
    streams[b].fillNormal(z, b * length, b * length + own);
    if (space.pairs > 0) drawPairs(z, space, shape.nodes, b, streams[b]);
  }
  return centre(z, space, shape);
}
