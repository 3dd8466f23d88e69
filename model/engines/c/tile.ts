/** Molecules that the engine does at once: as `tile_molecules` of src/tile.h. */
import { TILE } from "./constants.ts";

/** Molecules of a tile; at least one. */
export const tileMolecules = (nodes: number): number =>
  Math.max(1, Math.min(Math.floor(TILE.rows / nodes), Math.floor(TILE.pairs / nodes ** 2)));
