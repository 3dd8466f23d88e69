/** A part of each molecule that is given, not drawn: what samplings are told of it. See docs/fixed.md. */
import type { FixedAtoms } from "../../chem/molecule.ts";

/**
 * The given part, as plain data: the first nodes of each latent. Positions are those of a rigid body: where it lies, and how it is turned, is
 * drawn.
 */
export interface FixedPart {
  /** M: the first nodes of each molecule. */
  readonly nodes: number;
  /** In the latent's unit of length, centred, `[M, 3]`. */
  readonly positions: Float64Array;
  /** Unit vectors to hydrogens, zeros after the last, `[M, 4, 3]`. */
  readonly hydrogens: Float64Array;
  /** The class of which the node has just these hydrogens, `[M]`; -1 where they are not known. In another class they are drawn. */
  readonly whole: Int16Array;
  /** 1 for each class that the node may have, `[M, classes]`. */
  readonly classes: Uint8Array;
  /** What the latent says of the pairs among them, `[M, M]`, symmetric. */
  readonly orders: Uint8Array;
  /** Unit vectors to where bonds to nodes outside are likely to point, `[M, 3]`; zeros where there may be none, or nothing is known. */
  readonly outward: Float64Array;
  /** The highest order that a bond to a node outside may have, `[M]`; 0 where there may be none. */
  readonly most: Uint8Array;
}

/** A part as it was given, and as latents have it. */
export interface GivenPart {
  readonly part: FixedPart;
  /** What each molecule says of its first atoms. */
  readonly atoms: FixedAtoms;
}

/** Puts the given part into estimates or draws `[B, L]`, in place. */
export type Fix = (x0: Float32Array) => void;
