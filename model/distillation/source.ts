/** Where a round's clean latents come from. */
import type { FixedCondition } from "../diffusion/condition.ts";
import type { Random } from "../diffusion/random.ts";
import type { BatchShape } from "../diffusion/types.ts";

/** Clean latents of molecules of one size. */
export interface CleanLatents {
  readonly shape: BatchShape;
  /** `[B, L]` */
  readonly target: Float32Array;
  /** What networks are told of each beside the time, `[B]`; nothing where absent. */
  readonly conditions?: readonly FixedCondition[];
}

/** Parts of a batch that each know what their molecules' networks are told; as many as there are molecules. */
export const toldEach = <P extends object>(parts: readonly P[], { conditions }: CleanLatents) =>
  parts.map((part, b): P & { readonly condition?: FixedCondition } =>
    conditions ? { ...part, condition: conditions[b] } : part
  );

/** A supply of clean latents. */
export interface LatentSource {
  /** In words, for the log and the card. */
  readonly description: string;
  /** Draws `count` molecules with replacement, each rotated at random, grouped by size: a function of the stream alone. */
  draw(count: number, stream: Random): CleanLatents[];
}
