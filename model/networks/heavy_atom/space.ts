/** The heavy-atom latent: what a node and a pair of nodes hold. See docs/design.md. */
import type { HeavyAtomClass } from "../../diffusion/types.ts";
import type { LatentSpace } from "../../diffusion/types.ts";

/** Angstrom in a model unit of length. */
export const ANGSTROM = 1.6;

/** The value that stands for "1" in a one-hot latent. */
export const ONE_HOT = 0.5;

/** Most hydrogens on one heavy atom. */
export const MAX_HYDROGENS = 4;

/** Bond orders of a pair: none, 1, 2, 3. */
export const ORDERS = 4;

/** The classes of QM9's training split, in the order of the one-hot scalars. */
export const QM9_CLASSES: readonly HeavyAtomClass[] = [
  [6, 0],
  [6, 1],
  [6, 2],
  [6, 3],
  [6, 4],
  [7, 0],
  [7, 1],
  [7, 2],
  [7, 3],
  [8, 0],
  [8, 1],
  [9, 0],
];

/**
 * Vectors of a node: its position; s, the sum of the unit vectors to its hydrogens; u, the unit vector to one of them.
 * Scalars: its class. Pairs: the bond order.
 */
export function heavyAtomSpace(classes: readonly HeavyAtomClass[] = QM9_CLASSES): LatentSpace {
  return { vectors: 3, scalars: classes.length, pairs: ORDERS };
}
