/** What turns latents at a time into estimates of x0, and a whole sampling beside it. */
import type { Coupling } from "./coupling/align.ts";
import type { Start } from "./samplers/start.ts";
import type { SamplingPlan } from "./samplers/step.ts";
import type { BatchShape, HeavyAtomClass, LatentSpace } from "./types.ts";

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
  /** What the network is told of the number of steps, where it is. */
  readonly steps?: number;
  /** Estimates at times of at most `below` are clamped to graphs of these classes that obey valence (`heavy_atom/clamp.ts`). */
  readonly clamp?: { readonly below: number; readonly classes: readonly HeavyAtomClass[] };
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

/** Something that turns latents at a time into x0 estimates. Implemented on TensorFlow.js and by the engines. */
export interface Denoiser {
  readonly space: LatentSpace;
  /**
   * @param t one time for all, or one a molecule
   * @param steps number of steps of the sampler, for a network that is told it: one for all, or one a molecule
   */
  predict(
    z: Float32Array,
    shape: BatchShape,
    t: number | Float32Array,
    steps?: number | Float32Array,
  ): Promise<Float32Array>;
  /**
   * As `predict` at `t[b]`, to the last bit: an estimate depends on its own molecule alone, not on what else is in the batch, nor on
   * its place there. Absent where that cannot be said; batches are shared between requests only where it can.
   *
   * @param t `[B]`, in double precision, as times are where there is one for all
   */
  predictEach?(z: Float32Array, shape: BatchShape, t: Float64Array, steps?: number): Promise<Float32Array>;
  /**
   * A whole sampling beside the network, the loop over the steps included: as `runPlan` with `predictEach`, to the last bit (on a GPU to
   * rounding: steps are of 32 bits there), and the same whatever else is being sampled. Several may be under way; they take turns,
   * and share calls. Absent where the loop must be the caller's.
   *
   * @throws the signal's reason when it aborts
   */
  sample?(sampling: Sampling, options?: SampleOptions): Promise<Sampled>;
  /** Molecules of one size that it needs in a batch to be busy, where that is more than some tens. */
  readonly appetite?: number;
  dispose(): void;
}
