/**
 * What the training loop asks of whatever computes losses and changes weights: TensorFlow.js (`tensorflow_learner.ts`),
 * the native engine (`engines/c/native_learner.ts`) or the one in WGSL (`engines/webgpu/training/learner.ts`).
 */
import type { Conditioned } from "./condition.ts";
import type { BatchShape } from "./types.ts";

/** Molecules of one size with their noise: a part of an update's batch. */
export interface Group extends Conditioned {
  readonly shape: BatchShape;
  /** Noisy latents `[B, L]`: z = alpha target + sigma noise. */
  readonly z: Float32Array;
  /** Clean latents `[B, L]`. */
  readonly target: Float32Array;
  /** Loss weights `[B, 3]`: of positions, of scalars, of pairs. */
  readonly weights: Float32Array;
}

/** Losses of an update: means over all its molecules. `total` is the sum that is differentiated. */
export interface Losses {
  readonly total: number;
  readonly parts: Record<string, number>;
}

/** Learning rates and constants of one update. */
export interface Rates {
  /** For the matrices that Muon turns. */
  readonly muon: number;
  /** For everything else. */
  readonly adamw: number;
  /** ema = decay ema + (1 - decay) params. */
  readonly emaDecay: number;
  /** Largest global norm of the gradient. */
  readonly clip: number;
}

/**
 * Everything that an exact resume needs, float32: `params/<name>`, `ema/<name>`, `momentum/<name>` (Muon),
 * `first/<name>` and `second/<name>` (Adam's moments), and `updates` (`[1]`, updates done).
 */
export interface State {
  readonly tensors: Map<string, { shape: number[]; data: Float32Array }>;
}

/** What a network is asked: noisy latents and their conditions. */
export type Asked = Pick<Group, "shape" | "z" | keyof Conditioned>;

/** The moving averages of a state, by parameter. */
export const averagesOf = ({ tensors }: State): Map<string, { shape: number[]; data: Float32Array }> =>
  new Map([...tensors].flatMap(([key, tensor]) => key.startsWith("ema/") ? [[key.slice(4), tensor] as const] : []));

/** A network under training. */
export interface Learner<G = Group> {
  /** Where it computes, in a word: "tensorflow", "native", ... */
  readonly backend: string;
  /** One update on the mean loss over all molecules of all groups. Non-finite gradients leave the weights as they were. */
  update(groups: G[], rates: Rates): Promise<Losses>;
  /** Losses without an update, by the weights or by their moving average. */
  loss(groups: G[], which: "params" | "ema"): Promise<Losses>;
  /** Estimates of x0 `[B, L]` by the weights as they are, for methods that learn from what a student says. */
  predict?(asked: Asked): Promise<Float32Array>;
  state(): Promise<State>;
  /** Takes a state over. Throws RangeError where a tensor is missing or of another shape. */
  restore(state: State): Promise<void>;
  dispose(): void;
}
