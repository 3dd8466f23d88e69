/** Validation with refinement: a molecule is judged as drawn, refined, and judged again where it stands then. */
import { CHEMISTRIES } from "../chemistry.ts";
import type { Molecule } from "../molecule.ts";
import type { Validate, ValidateOptions, Validation } from "../validator.ts";
import { openMmff94 } from "./mmff94.ts";
import { createRefiner, type Refiner } from "./refine.ts";

/**
 * The validator, with refinement where `refine` asks for it. What is said is of the refined molecule, stereo as its positions have it; where it is not
 * refined, of the molecule as it was. `stereoChanged` is whether the SMILES, which has the stereo of the positions, is another than before.
 */
export function withRefinement(validate: Validate, refiner: Refiner): Validate {
  return (molecule, { refine = "none", ...options } = {}) => {
    if (refine === "none") return validate(molecule, options);
    const { chemistry = "edm" } = options, drawn = validate(molecule, { chemistry, inchikey: false });
    const done = drawn.valid
      ? refiner(molecule, drawn.bonds, CHEMISTRIES[chemistry])
      : { refined: false, reason: "invalid" } as const;
    if (!done.refined) return { ...validate(molecule, options), refinement: done };
    const there = validate({ ...molecule, positions: done.positions }, options);
    return { ...there, refinement: { ...done, stereoChanged: there.smiles !== drawn.smiles } };
  };
}

let opening: Promise<Refiner> | undefined;

/** This thread's refiner: loaded when it is first asked for, once. */
export const openRefiner = (): Promise<Refiner> => opening ??= openMmff94().then(createRefiner);

/** The validator with refinement, whose force field is loaded when refinement is first asked for: a promise then, and from then on. */
export function refiningLazily(
  validate: Validate,
  open: () => Promise<Refiner> = openRefiner,
): (molecule: Molecule, options?: ValidateOptions) => Validation | Promise<Validation> {
  return (molecule, options = {}) =>
    (options.refine ?? "none") === "none"
      ? validate(molecule, options)
      : open().then((refiner) => withRefinement(validate, refiner)(molecule, options));
}
