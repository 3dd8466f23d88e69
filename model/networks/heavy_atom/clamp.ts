/**
 * Estimates of x0 clamped to molecular graphs that obey valence.
 *
 * Near the data a denoiser's estimate of the classes and bond orders is all but decided, but decided pair by pair: one atom
 * with a bond too many and the positions that follow cannot be a molecule's. So an estimate's classes and orders are replaced by the
 * likeliest graph that obeys valence (`graph.ts`), as one-hot values, and the remaining steps draw the positions that
 * belong to that graph. Mapping an estimate to the nearest sound discrete value during sampling is the "clamping trick" of
 * Li et al., "Diffusion-LM" (2022); that all values are chosen together, under valence, is ours.
 */
import { breather } from "../../../chem/breathe.ts";
import { latentLength } from "../../diffusion/latent.ts";
import type { BatchShape, BondSums } from "../../diffusion/types.ts";
import { valenceGraph } from "./graph.ts";
import { ONE_HOT, ORDERS } from "./space.ts";

/** Changes looked at for one molecule: far from the data there may be too many, and the estimate is left as it is. */
const MOST = 5000;

/** Length of a latent of so many nodes, classes and features of a pair. */
const lengthOf = (nodes: number, { length: scalars }: BondSums, pairs: number) =>
  latentLength({ vectors: 3, scalars, pairs }, nodes);

/**
 * Clamps estimates `[B, L]` in place; those for which no graph is found in time are left.
 *
 * @param bondSums what valence leaves each class: `bondSumsOf`
 * @param features of a pair: `ordersOf`
 * @param charges of the classes where they are to add up to nothing: `chargesOf`
 * @returns how many were clamped
 */
export function clampToValence(
  x0: Float32Array,
  { batch, nodes }: BatchShape,
  bondSums: BondSums,
  features = ORDERS,
  charges?: readonly number[],
): number {
  const length = lengthOf(nodes, bondSums, features);
  let clamped = 0;
  for (let at = 0; at < batch * length; at += length) {
    if (clampMolecule(x0, nodes, bondSums, at, features, charges)) clamped++;
  }
  return clamped;
}

/** Clamps the one estimate at `x0[at, ...)`, in place. @returns whether a graph was found for it */
export function clampMolecule(
  x0: Float32Array,
  nodes: number,
  bondSums: BondSums,
  at: number,
  features = ORDERS,
  charges?: readonly number[],
): boolean {
  const graph = valenceGraph(x0, nodes, bondSums, at, { near: true, most: MOST, features, charges });
  if (!graph) return false;
  const { kinds, words = graph.orders } = graph, K = bondSums.length, width = 9 + K;
  for (let i = 0; i < nodes; i++) {
    const scalars = at + i * width + 9;
    x0.fill(0, scalars, scalars + K)[scalars + kinds[i]] = ONE_HOT;
    for (let j = 0; j < nodes; j++) {
      if (i === j) continue;
      const pair = at + nodes * width + (i * nodes + j) * features;
      x0.fill(0, pair, pair + features)[pair + words[i * nodes + j]] = ONE_HOT;
    }
  }
  return true;
}

/**
 * As {@link clampToValence}, for a thread that has other work: the event loop turns after each molecule.
 *
 * @param clamp does one
 * @throws the signal's reason where it is aborted
 */
export async function clampInTurns(
  x0: Float32Array,
  { batch, nodes }: BatchShape,
  bondSums: BondSums,
  { signal, clamp = clampMolecule, features = ORDERS, charges }: {
    readonly signal?: AbortSignal;
    readonly clamp?: typeof clampMolecule;
    readonly features?: number;
    readonly charges?: readonly number[];
  } = {},
): Promise<void> {
  const length = lengthOf(nodes, bondSums, features), pause = breather();
  for (let at = 0; at < batch * length; at += length) {
    signal?.throwIfAborted();
    clamp(x0, nodes, bondSums, at, features, charges);
    await pause();
  }
}
