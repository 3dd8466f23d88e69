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
  /** What the error of a node's last vector counts in the positions' loss, beside its share there, `[B]`; 1 where absent. */
  readonly lastVector?: Float32Array;
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

/** What a state's tensors are, but for `updates`; see {@link State}. */
export const STATE_PARTS = ["params", "ema", "momentum", "first", "second"] as const;

/**
 * Everything that an exact resume needs, float32: `params/<name>`, `ema/<name>`, `momentum/<name>` (Muon),
 * `first/<name>` and `second/<name>` (Adam's moments), and `updates` (`[1]`, updates done).
 */
export interface State {
  readonly tensors: Map<string, { shape: number[]; data: Float32Array }>;
}

/** What a network is asked: noisy latents and their conditions. */
export type Asked = Pick<Group, "shape" | "z" | keyof Conditioned>;

/** A network's weights as they are, or their moving averages. */
export type Weights = "params" | "ema";

/** Molecules of one size and dL/dx0 `[B, L]`, the gradient of each one's loss at the estimate of x0 that `predict` gives. */
export type Judged = Asked & { readonly gradient: Float32Array };

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
  loss(groups: G[], which: Weights): Promise<Losses>;
  /** Estimates of x0 `[B, L]`, for methods that learn from what a student says. */
  predict?(asked: Asked, which: Weights): Promise<Float32Array>;
  /**
   * One update on the mean over all molecules of a loss of which the gradient at x0 is given. It goes back through
   * whatever makes x0 of the network's outputs: in pair attention the centring of positions and the softmaxes of classes
   * and bond orders, so that what is given for the diagonal of pairs counts for nothing. Non-finite gradients leave the
   * weights as they were.
   *
   * @returns the norm of the weights' gradient before clipping
   * @throws RangeError where a gradient is not of its latents' length
   */
  step?(groups: Judged[], rates: Rates): Promise<number>;
  /**
   * dL/dz `[B, L]` for dL/dx0 `[B, L]`, by the weights as they are. Each number of z counts as one of its own: that pairs
   * are symmetric and positions centred is for the caller to say.
   *
   * @throws RangeError where the gradient is not of the latents' length
   */
  inputGradient?(judged: Judged): Promise<Float32Array>;
  state(): Promise<State>;
  /** Takes a state over. Throws RangeError where a tensor is missing or of another shape. */
  restore(state: State): Promise<void>;
  dispose(): void;
}

/** What not every learner can do, in words. */
const ABILITIES = {
  predict: "estimate x0",
  step: "step along a gradient at x0",
  inputGradient: "differentiate with respect to its input",
} as const;

/** One of a learner's abilities. Throws Error, which names the backend, where it lacks it. */
export function abilityOf<G, Name extends keyof typeof ABILITIES>(
  learner: Learner<G>,
  name: Name,
): NonNullable<Learner<G>[Name]> {
  const ability = learner[name];
  if (!ability) throw new Error(`the learner on ${learner.backend} cannot ${ABILITIES[name]}`);
  return ability;
}

/** Throws RangeError where a gradient is not of its latents' length. */
export function checkJudged({ z, gradient }: Pick<Judged, "z" | "gradient">): void {
  if (gradient.length !== z.length) {
    throw new RangeError(`a gradient must have ${z.length} numbers, one a latent's; got ${gradient.length}`);
  }
}

/** Molecules of all groups. Throws RangeError where there is none. */
export function needMolecules(groups: readonly Pick<Group, "shape">[]): number {
  const all = groups.reduce((sum, { shape }) => sum + shape.batch, 0);
  if (all === 0) throw new RangeError("an update needs at least one molecule; none given");
  return all;
}
