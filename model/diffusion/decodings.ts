/**
 * How a latent becomes a molecule.
 *
 * - `argmax`: each class by its own largest value, positions as the model gives them; bonds are what the distances say.
 * - `valence`: for models with bond orders in their latent. The likeliest graph that obeys valence (`heavy_atom/graph.ts`), and
 *   positions moved, where they must be, until the distances say the same (`chem/relax.ts`); as `argmax` where the search finds no
 *   such graph among as many states as it may make. Stability and validity are then nearly always given by construction: they no longer
 *   measure the model.
 */
export const DECODINGS = ["argmax", "valence"] as const;

/** One of {@link DECODINGS}. */
export type Decoding = typeof DECODINGS[number];

/** Whether a decoding may repair a molecule, so that it is worth saying of each whether it did. */
export const repairs = (decoding: Decoding): boolean => decoding === "valence";
