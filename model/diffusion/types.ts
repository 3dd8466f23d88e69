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
import type { Chemistry } from "../../chem/chemistry.ts";
import type { NodeClass } from "../../chem/data_set.ts";
import type { Molecule } from "../../chem/molecule.ts";
import type { PropertyValues } from "../../chem/properties.ts";
import type { Decoding } from "./decodings.ts";
import type { FixedPart, GivenPart } from "./fixed.ts";
import type { Random } from "./random.ts";

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

/** Times of a sampler, descending: `grid[0]` is 1 (noise) or where a start begins, `grid[steps]` = 0 (data); as many intervals as calls. */
export type Grid = Float64Array;

/** Draws the k-th noise for a whole batch, `[B, L]`: centred positions, symmetric pairs, unit variance. */
export type DrawNoise = () => Float32Array;

/** A batch's shape: `batch` molecules of `nodes` nodes. */
export interface BatchShape {
  readonly batch: number;
  readonly nodes: number;
}

/** What a node can be: an element (atomic number) with this many hydrogens and this formal charge, 0 where absent. */
export type HeavyAtomClass = NodeClass;

/** For each class, the sums of bond orders to heavy atoms that valence leaves it. */
export type BondSums = readonly (readonly number[])[];

/** How to decode. */
export interface DecodeOptions {
  /** Default `argmax`. A model without bond orders knows no other. */
  readonly decoding?: Decoding;
  /** What of each molecule was given: it comes out where it was given, and is what it was given as. */
  readonly fixed?: GivenPart;
  /** What the molecules were asked to have, of all or of each, for an autoencoder that is told it. Others do not look at it. */
  readonly properties?: PropertyValues | readonly (PropertyValues | undefined)[];
  /** Looked at between molecules. */
  readonly signal?: AbortSignal;
  /** Hears of each molecule, by its place in the batch, that was decoded by `argmax` as no graph was found for it. */
  readonly onFallback?: (place: number) => void;
  /** Hears of each molecule, by its place in the batch, whose likeliest graph broke a valence or had a charge left over, or whose distances by `argmax` mean other bonds. */
  readonly onRepaired?: (place: number) => void;
}

/** How to clamp. */
export interface ClampOptions {
  readonly signal?: AbortSignal;
  /** What the estimates were given, whose charge is what it is. */
  readonly fixed?: FixedPart;
}

/** Between molecules and latents. `encode` draws from the posterior where there is one. */
export interface Autoencoder {
  readonly space: LatentSpace;
  /** "atoms" where a node is any atom, "heavyAtoms" where only they are. */
  readonly counts: "atoms" | "heavyAtoms";
  /** Molecules of one size (in nodes) to latents `[B, L]`. @param properties as {@link DecodeOptions} has them */
  encode(
    molecules: readonly Molecule[],
    random: readonly Random[],
    properties?: DecodeOptions["properties"],
  ): Promise<Float32Array>;
  /** Latents `[B, L]` to molecules. @throws the signal's reason where it is aborted */
  decode(z: Float32Array, shape: BatchShape, random: readonly Random[], options?: DecodeOptions): Promise<Molecule[]>;
  /** Starts the first worker that decodes, so that no request has to; resolves when it is ready, or has failed. */
  warm?(): Promise<void>;
  /**
   * Changes estimates of x0 `[B, L]`, in place, to ones that obey valence, where the latent has bond orders. The event loop turns after
   * each molecule.
   *
   * @throws the signal's reason where it is aborted
   */
  clamp?(x0: Float32Array, shape: BatchShape, options?: ClampOptions): Promise<void>;
  /** Puts a given part into latents `[B, L]`, in place, estimates or draws that sampling begins with, where they are of heavy atoms and their bonds. */
  fix?(x: Float32Array, shape: BatchShape, part: FixedPart, of: "estimate" | "start"): void;
  /** What `clamp` chooses among: valence, class by class. */
  readonly bondSums?: BondSums;
  /** The classes' formal charges, where those of a molecule that `clamp` and `decode` seek are to add up to nothing. */
  readonly charges?: readonly number[];
  /** Of the molecules that come out. */
  readonly chemistry?: Chemistry;
  dispose(): void;
}
