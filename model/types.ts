/**
 * The words that every file of `model/` shares. See docs/design.md for the reasons.
 *
 * A latent of one molecule of N nodes is one flat run of floats, so that schedules and samplers are plain arithmetic
 * on arrays, whatever the network and the backend:
 *
 *     [ node 0: V vectors (x,y,z each), then S scalars | node 1 ... | node N-1 | pairs N x N x P, symmetric ]
 *
 * The first vector of a node is its position in model units and has zero mean over the nodes. Batches hold molecules of
 * one size only: `[B, latentLength(space, N)]`.
 */
import type { Molecule } from "../chem/molecule.ts";
import type { Decoding } from "./decodings.ts";
import type { HeavyAtomClass } from "./heavy_atom/space.ts";
import type { Coupling } from "./coupling/align.ts";
import type { Random } from "./random.ts";
import type { Start } from "./samplers/start.ts";
import type { SamplingPlan } from "./samplers/step.ts";

/** What a latent is made of. */
export interface LatentSpace {
  /** Equivariant vectors a node; the first is the position. */
  readonly vectors: number;
  /** Invariant scalars a node. */
  readonly scalars: number;
  /** Symmetric invariant features a pair of nodes. 0 where there are none. */
  readonly pairs: number;
}

/** alpha, sigma and log(alpha^2 / sigma^2) at one time. */
export interface ScheduleValues {
  readonly alpha: number;
  readonly sigma: number;
  readonly logSnr: number;
}

/** A variance-preserving noise schedule on t in [0, 1]: 1 is noise, 0 is data. z_t = alpha x + sigma noise. */
export type Schedule = (t: number) => ScheduleValues;

/** Times of a sampler, descending: `grid[0]` is 1 (noise) or where a start begins, `grid[steps]` = 0 (data); one denoiser call an interval. */
export type Grid = Float64Array;

/**
 * The denoiser as samplers see it: x0 estimates for a batch at one time.
 *
 * @param z `[B, L]`, not kept or changed by the callee
 * @param t the time of all B molecules
 * @returns x0 `[B, L]`; a fresh array, or one that is valid until the next call
 */
export type Denoise = (z: Float32Array, t: number) => Promise<Float32Array>;

/** Draws the k-th noise for a whole batch, `[B, L]`: centred positions, symmetric pairs, unit variance. */
export type DrawNoise = () => Float32Array;

/** A batch's shape: `batch` molecules of `nodes` nodes. */
export interface BatchShape {
  readonly batch: number;
  readonly nodes: number;
}

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

/** Between molecules and latents. `encode` draws from the posterior where there is one. */
export interface Autoencoder {
  readonly space: LatentSpace;
  /** "atoms" where a node is any atom, "heavyAtoms" where only they are. */
  readonly counts: "atoms" | "heavyAtoms";
  /** Molecules of one size (in nodes) to latents `[B, L]`. */
  encode(molecules: readonly Molecule[], random: readonly Random[]): Promise<Float32Array>;
  /** Latents `[B, L]` to molecules; `argmax` where no decoding is named. A model without bond orders knows no other. */
  decode(z: Float32Array, shape: BatchShape, random: readonly Random[], decoding?: Decoding): Promise<Molecule[]>;
  /** Changes estimates of x0 `[B, L]`, in place, to ones that obey valence, where the latent has bond orders. */
  clamp?(x0: Float32Array, shape: BatchShape): void;
  /** The classes that `clamp` chooses among. */
  readonly classes?: readonly HeavyAtomClass[];
  dispose(): void;
}
