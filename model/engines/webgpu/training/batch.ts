/** Groups of molecules of several sizes as one batch on the GPU: rows one after another, and an index that says whose they are. */
import type { ConditionSizes } from "../../../networks/pair_attention/parameters.ts";
import { conditionFeatures, featureWidth } from "../../../networks/pair_attention/conditions.ts";
import { checkLatents, latentLength } from "../../../diffusion/latent.ts";
import type { Asked, Group } from "../../../diffusion/learner.ts";
import type { LatentSpace } from "../../../diffusion/types.ts";
import { TILE_TERMS } from "../products.ts";
import { roundUp } from "../round_up.ts";

/** Numbers a molecule in `conditions`: alpha, sigma, the weights of positions, scalars and pairs, and what the last vector counts. */
export const CONDITIONS = 8;

/** A batch as kernels read it. */
export interface TrainingBatch {
  readonly rows: number;
  readonly molecules: number;
  /** Nodes of the largest molecule. */
  readonly most: number;
  /** `[molecules, 4]`: first row, nodes, where the latent begins. */
  readonly index: Uint32Array<ArrayBuffer>;
  /** `[rows]`: the row's molecule. */
  readonly owners: Uint32Array<ArrayBuffer>;
  /** `[rows, inputTerms]`: scalars, features of the time and of the number of steps, zeros. */
  readonly inputs: Float32Array<ArrayBuffer>;
  readonly latents: Float32Array<ArrayBuffer>;
  readonly targets: Float32Array<ArrayBuffer>;
  /** `[molecules, 8]` */
  readonly conditions: Float32Array<ArrayBuffer>;
}

/** Numbers of a row of `inputs`. */
export const inputTerms = ({ scalars }: LatentSpace, sizes: ConditionSizes): number =>
  roundUp(scalars + featureWidth(sizes), TILE_TERMS);

/**
 * Joins groups. What is asked without targets gets zeros for them and for the weights.
 *
 * @throws RangeError where there is no molecule, or an array's length is not that of its shape
 */
export function joinGroups(
  space: LatentSpace,
  sizes: ConditionSizes,
  groups: readonly (Asked & Partial<Pick<Group, "target" | "weights" | "lastVector">>)[],
): TrainingBatch {
  const sum = (of: (group: Asked) => number) => groups.reduce((total, group) => total + of(group), 0);
  const molecules = sum(({ shape }) => shape.batch), rows = sum(({ shape }) => shape.batch * shape.nodes);
  if (molecules === 0) throw new RangeError("an update needs at least one molecule; none given");
  const floats = sum(({ z }) => z.length), told = featureWidth(sizes);
  const terms = inputTerms(space, sizes);
  const { vectors: V, scalars: K } = space, width = 3 * V + K;
  const features = conditionFeatures(groups.flatMap(({ conditions }) => conditions), sizes);
  const batch = {
    rows,
    molecules,
    most: Math.max(...groups.map(({ shape }) => shape.nodes)),
    index: new Uint32Array(molecules * 4),
    owners: new Uint32Array(rows),
    inputs: new Float32Array(rows * terms),
    latents: new Float32Array(floats),
    targets: new Float32Array(floats),
    conditions: new Float32Array(molecules * CONDITIONS),
  };
  let row = 0, molecule = 0, at = 0;
  for (const { shape, z, target, alpha, sigma, weights, lastVector } of groups) {
    const { batch: count, nodes } = shape, length = latentLength(space, nodes);
    checkLatents(z, space, shape);
    if (target) checkLatents(target, space, shape);
    batch.latents.set(z, at);
    if (target) batch.targets.set(target, at);
    for (let b = 0; b < count; b++, molecule++) {
      batch.index.set([row, nodes, at + b * length], 4 * molecule);
      batch.conditions.set([alpha[b], sigma[b]], molecule * CONDITIONS);
      if (weights) batch.conditions.set(weights.subarray(3 * b, 3 * b + 3), molecule * CONDITIONS + 2);
      batch.conditions[molecule * CONDITIONS + 5] = lastVector?.[b] ?? 1;
      for (let i = 0; i < nodes; i++, row++) {
        const node = b * length + i * width + 3 * V, input = row * terms, time = molecule * told;
        batch.owners[row] = molecule;
        for (let k = 0; k < K; k++) batch.inputs[input + k] = z[node + k];
        for (let k = 0; k < told; k++) batch.inputs[input + K + k] = features[time + k];
      }
    }
    at += z.length;
  }
  return batch;
}

/** Groups in their order, in packs of up to `rows` nodes where a group is not larger by itself. */
export function packGroups<G extends Pick<Group, "shape">>(groups: readonly G[], rows: number): G[][] {
  const packs: G[][] = [];
  let room = 0;
  for (const group of groups) {
    const size = group.shape.batch * group.shape.nodes;
    if (packs.length === 0 || size > room) packs.push([]), room = rows;
    packs[packs.length - 1].push(group);
    room -= size;
  }
  return packs;
}
