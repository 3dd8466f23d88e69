/** What turns latents at a time into estimates of x0, and a whole sampling beside it. */
import type { Conditions, FixedCondition } from "./condition.ts";
import type { Coupling } from "./coupling/align.ts";
import type { FixedPart } from "./fixed.ts";
import type { GivenGraph } from "./given_graph.ts";
import type { Start } from "./samplers/start.ts";
import type { SamplingPlan } from "./samplers/step.ts";
import type { BatchShape, BondSums, LatentSpace } from "./types.ts";

/** A batch to sample, as plain data, so that it can be done where the network is. */
export interface Sampling {
  readonly shape: BatchShape;
  readonly plan: SamplingPlan;
  /** Where the plan begins elsewhere than at noise alone. */
  readonly start?: Start;
  /** How the network was trained; see `runPlan`. Default independent. */
  readonly coupling?: Coupling;
  /** Each molecule's noise is that of `random(seed, index, PURPOSE.noise)`. */
  readonly seed: number;
  /** `[B]` */
  readonly indices: readonly number[];
  /** What the network is told beside the time. */
  readonly condition?: FixedCondition;
  /** Estimates at times of at most `below` are clamped to graphs that obey valence (`heavy_atom/clamp.ts`), neutral ones where there are `charges`. */
  readonly clamp?: { readonly below: number; readonly bondSums: BondSums; readonly charges?: readonly number[] };
  /** A part that each estimate is given, before it is clamped; of denoisers that can ({@link Capabilities.fixes}). */
  readonly fixed?: FixedPart;
  /** The graph that all have: positions and hydrogens' directions alone are drawn; of denoisers that can ({@link Capabilities.graphs}). */
  readonly graph?: GivenGraph;
  /** Others' samplings go first, where there are some. Default false. */
  readonly background?: boolean;
}

/** How to sample. */
export interface SampleOptions {
  readonly signal?: AbortSignal;
  /** Whose it is: owners take turns, what one owner asks for is done in its order. One of its own where absent. */
  readonly owner?: object;
  /** Hears of molecules that are done. */
  readonly onDone?: (molecules: number) => void;
}

/** A batch that has been sampled. */
export interface Sampled {
  /** `[B, L]` */
  readonly x0: Float32Array;
  /** Milliseconds of its calls and clamping, added up over threads; of calls that others shared, its share. */
  readonly ms: number;
  /** Milliseconds until the first call for it began. */
  readonly waitedMs: number;
}

/** What a denoiser can do beyond an estimate of a batch. */
export interface Capabilities {
  /**
   * An estimate depends on its own molecule and condition alone, to the last bit: not on what else is in the batch, nor on
   * its place there. Requests share batches only where that holds.
   */
  readonly independent?: boolean;
  /**
   * A whole sampling beside the network, the loop over the steps included: as `runPlan` with `predict`, to the last bit (on a GPU to
   * rounding: steps are of 32 bits there), and the same whatever else is being sampled. Several may be under way; they take turns,
   * and share calls. Absent where the loop must be the caller's.
   *
   * @throws the signal's reason when it aborts
   */
  readonly sample?: (sampling: Sampling, options?: SampleOptions) => Promise<Sampled>;
  /** `sample` puts in parts that are given. Default false. */
  readonly fixes?: boolean;
  /** `sample` draws for a given graph. Default false. */
  readonly graphs?: boolean;
  /** `sample` guides (`guidance` of a condition). Default false. */
  readonly guides?: boolean;
  /** `sample` guides by the network's weaker self (`autoguidance` of a condition). Default false. */
  readonly autoguides?: boolean;
  /** Molecules of one size that it needs in a batch to be busy, where that is more than some tens. */
  readonly appetite?: number;
}

/** Something that turns latents at a time into x0 estimates. Implemented on TensorFlow.js and by the engines. */
export interface Denoiser {
  readonly space: LatentSpace;
  /**
   * Estimates of x0 `[B, L]`.
   *
   * @param z `[B, L]`
   * @param conditions one for all, or one a molecule
   * @throws RangeError where lengths do not fit the shape, or the network needs what a condition lacks
   */
  predict(z: Float32Array, shape: BatchShape, conditions: Conditions): Promise<Float32Array>;
  readonly can: Capabilities;
  dispose(): void;
}
