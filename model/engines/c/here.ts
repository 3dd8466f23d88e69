/** What an engine does on the calling thread, whichever build it is. */
import type { BatchShape } from "../../diffusion/types.ts";
import type { ConditionRows } from "../../networks/pair_attention/conditions.ts";

/** A network on the calling thread. */
export interface Here {
  /** Estimates x0 `[B, L]`; into `weak`, where that is given, those without the rows' block, while the whole network's are returned. */
  predict(z: Float32Array, shape: BatchShape, rows: ConditionRows, weak?: Float32Array): Float32Array;
  /** As `realign` of coupling/align.ts. */
  realign(z: Float32Array, x0: Float32Array, shape: BatchShape, alpha: number): void;
}

/** Where an engine cannot align molecules of this size. */
export const unaligned = (nodes: number) => new Error(`the engine has no memory to align molecules of ${nodes} nodes`);
