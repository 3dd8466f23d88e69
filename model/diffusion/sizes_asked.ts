/** Sizes as requests ask for them. */
import { z } from "zod";
import type { SizeRange } from "./sizes.ts";

const size = z.int().min(1).max(1000);

/** A size, or the least and the most. */
export const sizesAsked = z.union([
  size,
  z.tuple([size, size]).refine(([min, max]) => min <= max, "must be [min, max] with min <= max"),
]);

/** Sizes asked, of which one is given at most. */
export interface SizesAsked {
  readonly atoms?: z.infer<typeof sizesAsked>;
  readonly heavyAtoms?: z.infer<typeof sizesAsked>;
}

/** The range of sizes that a request asks for, and what it counts. */
export function askedSize({ atoms, heavyAtoms }: SizesAsked):
  | { readonly counts: "atoms" | "heavyAtoms"; readonly range: SizeRange }
  | undefined {
  const asked = atoms ?? heavyAtoms;
  if (asked === undefined) return undefined;
  const [min, max] = typeof asked === "number" ? [asked, asked] : asked;
  return { counts: atoms === undefined ? "heavyAtoms" : "atoms", range: { min, max } };
}
