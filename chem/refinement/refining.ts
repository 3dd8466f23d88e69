/** Validation with refinement: a molecule is judged as drawn, refined, and judged again where it stands then. */
import { CHEMISTRIES } from "../chemistry.ts";
import type { Molecule } from "../molecule.ts";
import type { Validate, ValidateOptions, Validation } from "../validator.ts";
import { needsOf, type Where } from "../where/where.ts";
import type { RefineBy, Refiner } from "./refine.ts";

/** Judges a molecule; refines it first where `refine` asks for it, and measures its strain where `strain` or `where` does: a promise then. */
export type RefineAndValidate = (
  molecule: Molecule,
  options?: ValidateOptions,
) => Validation | Promise<Validation>;

/** Opens a refiner. */
export type OpenRefiner = () => Promise<Refiner>;

/**
 * The validator, with refinement where it is asked for. What is said is of the refined molecule, stereo as its positions have it; where it is not
 * refined, of the molecule as it was. `stereoChanged` is whether the SMILES, which has the stereo of the positions, is another than before.
 *
 * @param open called when refinement or strain is asked for
 * @param pause awaited between judging, refining and judging again: on the main thread the event loop turns there
 */
export function withRefinement(
  validate: Validate,
  { open, pause }: { readonly open: OpenRefiner; readonly pause?: () => Promise<void> },
): RefineAndValidate {
  const refineAndValidate = async (molecule: Molecule, by: RefineBy, options: Omit<ValidateOptions, "refine">) => {
    const refiner = await open(), { chemistry = "edm" } = options;
    const drawn = validate(molecule, { chemistry, inchikey: false });
    await pause?.();
    const done = drawn.valid
      ? refiner(molecule, drawn.bonds, CHEMISTRIES[chemistry], by)
      : { refined: false, reason: "invalid" } as const;
    await pause?.();
    if (!done.refined) return { ...validate(molecule, options), refinement: done };
    const there = validate({ ...molecule, positions: done.positions }, options);
    return { ...there, refinement: { ...done, stereoChanged: there.smiles !== drawn.smiles } };
  };
  const measure = async (
    molecule: Molecule,
    validation: Validation,
    chemistry: ValidateOptions["chemistry"] = "edm",
  ) => {
    if (!validation.valid) return validation;
    const refiner = await open(), { refinement, bonds } = validation;
    await pause?.();
    const there = refinement?.refined ? { ...molecule, positions: refinement.positions } : molecule;
    const strain = refiner.strainOf(there, bonds, CHEMISTRIES[chemistry]);
    return strain === undefined ? validation : { ...validation, strain };
  };
  /** By a filter, of the molecule as it is given. */
  const judged = async (
    molecule: Molecule,
    where: Where,
    { refine = "none", strain = false, ...options }: Omit<ValidateOptions, "where">,
  ) => {
    if (!validate.verdictOf) throw new TypeError("where must be absent of a validator without filters; got one");
    const needs = needsOf(where), asked = { ...options, ...(needs.judge && { judge: true }) };
    const plain = refine === "none" ? validate(molecule, asked) : await refineAndValidate(molecule, refine, asked);
    const known = plain.refinement?.refined === true;
    const validation = strain || (needs.strain && !known) ? await measure(molecule, plain, options.chemistry) : plain;
    const there = known ? { ...molecule, positions: plain.refinement.positions } : molecule;
    return { ...validation, verdict: validate.verdictOf(where, there, validation) };
  };
  return (molecule, { where, ...asked } = {}) => {
    if (where) return judged(molecule, where, asked);
    const { refine = "none", strain = false, ...options } = asked;
    const validation = refine === "none" ? validate(molecule, options) : refineAndValidate(molecule, refine, options);
    return strain ? Promise.resolve(validation).then((one) => measure(molecule, one, options.chemistry)) : validation;
  };
}
