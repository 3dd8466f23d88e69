/** When two molecules are the same. */
import type { Validation } from "./validator.ts";

/**
 * When two valid molecules are one, of which the first is kept. `true` is as `filter: "unique"` and the metric of that name have it: the EDM SMILES is
 * the same, that is the largest fragment's, without stereo. `flat`: the first block of the InChIKey, the whole molecule without stereo. `inchikey`: the
 * whole key, with the stereo of the positions.
 */
export const UNIQUE = ["inchikey", "flat"] as const;

/** See {@link UNIQUE}; false keeps all. */
export type Unique = boolean | typeof UNIQUE[number];

/** Of {@link identity}: what InChI says; where it has no word for a molecule, its SMILES stands in. */
export const keyOf = (
  { inchikey, smiles }: Pick<Validation, "inchikey" | "smiles">,
  unique: typeof UNIQUE[number],
): string => (unique === "flat" ? inchikey?.split("-")[0] : inchikey) ?? smiles!;

/** What a valid molecule has in common with those that count as the same. */
export const identity = (
  validation: Pick<Validation, "edmSmiles" | "inchikey" | "smiles">,
  unique: Exclude<Unique, false>,
): string => unique === true ? validation.edmSmiles! : keyOf(validation, unique);
