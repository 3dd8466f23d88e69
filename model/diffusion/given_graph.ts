/** A molecule's graph that is given, so that its positions alone are drawn: what samplings are told of it. See docs/conformers.md. */

import type { DistanceBounds } from "../../chem/conformers/bounds.ts";

/** A graph, as plain data: of each molecule of a batch. */
export interface GivenGraph {
  /** N: the nodes of each latent. */
  readonly nodes: number;
  /** The class of each node, `[N]`. */
  readonly classes: Uint8Array;
  /** What the latent says of each pair, `[N, N]`, symmetric. */
  readonly orders: Uint8Array;
  /** Between which distances its nodes lie, in the latent's unit of length; a sampling that begins at a matched start begins with positions that keep to them. */
  readonly bounds?: DistanceBounds;
}
