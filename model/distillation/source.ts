/** Where a round's clean latents come from. */
import type { Random } from "../diffusion/random.ts";
import type { BatchShape } from "../diffusion/types.ts";

/** Clean latents of molecules of one size. */
export interface CleanLatents {
  readonly shape: BatchShape;
  /** `[B, L]` */
  readonly target: Float32Array;
}

/** A supply of clean latents. */
export interface LatentSource {
  /** In words, for the log and the card. */
  readonly description: string;
  /** Draws `count` molecules with replacement, each rotated at random, grouped by size: a function of the stream alone. */
  draw(count: number, stream: Random): CleanLatents[];
}
