/** The port of what draws positions: a conformer generator, or a network. */
import type { MoleculeGraph } from "./graph.ts";

/** Draws raw positions for a graph. Whether they have its stereo, and how they are refined and weighed, is not its concern. */
export interface PositionSource {
  /** What answers call it. */
  readonly name: string;
  /**
   * Sets of positions, `[n, 3]` angstrom each, one after another: at most `most`, fewer where it knows no more. They depend on the graph and the seed
   * alone. Whoever reads them may stop before the end.
   *
   * @param seed 0 to 4294967295
   * @param likely so many will do if all have the stereo: a source may draw as many at once
   */
  draw(
    graph: MoleculeGraph,
    most: number,
    seed: number,
    likely?: number,
  ): Iterable<ArrayLike<number>> | AsyncIterable<ArrayLike<number>>;
}
