/** Fixed parts as requests ask for them, checked against a card. */
import { z } from "zod";
import { CHEMISTRIES } from "../../chem/chemistry.ts";
import { readMolblock } from "../../chem/sdf.ts";
import type { GivenPart } from "../diffusion/fixed.ts";
import { resampling } from "../diffusion/samplers/resample.ts";
import { strict } from "../diffusion/strict.ts";
import type { FixedDraw } from "./generate.ts";
import type { Card } from "../models/card.ts";
import { fixedPart } from "../networks/heavy_atom/fixed_part.ts";
import { formOf } from "../networks/heavy_atom/space.ts";

/** Most characters of a molblock: some 450 atoms. */
const MOLBLOCK_MAX = 32_768;

/** Most atoms named: a molblock has no more. */
const ATOMS_MAX = 999;

const indices = z.array(z.int().min(0).max(ATOMS_MAX - 1)).max(ATOMS_MAX);

/** A fixed part as it is asked for. */
export const fixedAsked = strict({
  molblock: z.string().min(1).max(MOLBLOCK_MAX).describe(
    "A V2000 molblock with coordinates in angstrom and bonds of order 1 to 3",
  ),
  atoms: indices.min(1).optional().describe(
    "Its heavy atoms that are fixed, by index from 0, in the order in which they are to come out, first in each molecule. Default: all",
  ),
  attach: indices.optional().describe(
    "Of these, those that may get new bonds. Default: all that have a hydrogen to give, or a bond to an atom that is not fixed",
  ),
  resample: resampling.optional().describe(
    "Goes back by noise and draws again (RePaint); takes so many calls more than `steps`",
  ),
});

/** See {@link fixedAsked}. */
export type FixedAsked = z.infer<typeof fixedAsked>;

/** What is drawn about. @throws as {@link givenPart} */
export const fixedDraw = (
  { resample, ...asked }: FixedAsked,
  card: Pick<Card, "autoencoder" | "chemistry" | "name">,
): FixedDraw => ({ ...givenPart(asked, card), resample });

/** Coordinates beyond this, angstrom, are too coarse as 32-bit floats. */
const FARTHEST = 1000;

/** What a card's model makes of it. @throws ImpossiblePartError, SyntaxError, RangeError */
export function givenPart(
  { molblock, atoms, attach }: Omit<FixedAsked, "resample">,
  { autoencoder, chemistry, name }: Pick<Card, "autoencoder" | "chemistry" | "name">,
): GivenPart {
  if (autoencoder.type !== "heavy-atom") {
    throw new RangeError(`model ${name} has no bond orders: it takes no fixed part`);
  }
  // The elements of atoms that are not fixed do not matter.
  const given = readMolblock(molblock, CHEMISTRIES.druglike), { positions } = given.molecule;
  const far = positions.find((value) => !(Math.abs(value) <= FARTHEST));
  if (far !== undefined) throw new RangeError(`coordinates must be from -${FARTHEST} to ${FARTHEST}; got ${far}`);
  return fixedPart(given, { atoms, attach }, autoencoder.classes, CHEMISTRIES[chemistry], formOf(autoencoder));
}
