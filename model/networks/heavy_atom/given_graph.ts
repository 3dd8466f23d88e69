/** A given graph as the heavy-atom latent has it, and as it is put into latents. */
import { type Chemistry, EDM } from "../../../chem/chemistry.ts";
import type { MoleculeGraph } from "../../../chem/conformers/graph.ts";
import type { GivenGraph } from "../../diffusion/given_graph.ts";
import { latentLength } from "../../diffusion/latent.ts";
import type { BatchShape, HeavyAtomClass } from "../../diffusion/types.ts";
import type { Random } from "../../diffusion/random.ts";
import type { DistanceBounds } from "../../../chem/conformers/bounds.ts";
import { embed } from "../../../chem/conformers/proximity.ts";
import { toExample } from "./examples.ts";
import type { FixSpace } from "./fix.ts";
import { type LatentForm, ONE_HOT } from "./space.ts";

/**
 * The graph in a model's words.
 *
 * @throws RangeError for an atom whose element, hydrogens and charge are none of `classes`
 */
export function givenGraph(
  { atomicNumbers, charges, bonds }: Pick<MoleculeGraph, "atomicNumbers" | "charges" | "bonds">,
  classes: readonly HeavyAtomClass[],
  chemistry: Chemistry = EDM,
  form: LatentForm = {},
): GivenGraph {
  const nowhere = new Float32Array(3 * atomicNumbers.length);
  const { nodes, classes: kinds, orders } = toExample(
    { atomicNumbers, charges, bonds, positions: nowhere },
    classes,
    chemistry,
    form,
  );
  return { nodes, classes: kinds, orders };
}

/** Puts embeddings of the graph in the place of the positions of draws `[B, L]` that sampling begins with, in place: of molecule b that of its own random numbers. */
export function startEmbedded(
  x: Float32Array,
  { batch, nodes: N }: BatchShape,
  bounds: DistanceBounds,
  streams: readonly Pick<Random, "uniform">[],
  { classes: K, features: P }: FixSpace,
): void {
  const width = 9 + K, length = latentLength({ vectors: 3, scalars: K, pairs: P }, N);
  for (let b = 0; b < batch; b++) {
    const positions = embed(bounds, () => streams[b].uniform());
    for (let i = 0; i < N; i++) x.set(positions.subarray(3 * i, 3 * i + 3), b * length + i * width);
  }
}

/** Puts the graph into latents or estimates `[B, L]`, in place: classes and bond orders become its own, vectors stay. */
export function putGraph(
  z: Float32Array,
  { batch, nodes: N }: BatchShape,
  graph: GivenGraph,
  { classes: K, features: P }: FixSpace,
): void {
  const width = 9 + K, length = latentLength({ vectors: 3, scalars: K, pairs: P }, N);
  for (let at = 0; at < batch * length; at += length) {
    const pairs = at + N * width;
    z.fill(0, pairs, at + length);
    for (let i = 0; i < N; i++) {
      const node = at + i * width;
      z.fill(0, node + 9, node + width);
      z[node + 9 + graph.classes[i]] = ONE_HOT;
      for (let j = 0; j < N; j++) if (j !== i) z[pairs + (i * N + j) * P + graph.orders[i * N + j]] = ONE_HOT;
    }
  }
}
