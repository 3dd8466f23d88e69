/** All that chemistry says of one generated molecule, in one pass. */
import { addedHydrogens } from "./added_hydrogens.ts";
import { bondsOf } from "./bonds.ts";
import { CHEMISTRIES, type ChemistryName } from "./chemistry.ts";
import { type Descriptors, descriptorsOf } from "./descriptors.ts";
import { rulesAgree } from "./judge/contacts.ts";
import { createJudge, type Findings, type Judge } from "./judge/findings.ts";
import type { Bond, Molecule } from "./molecule.ts";
import type { Rdkit } from "./rdkit.ts";
import type { NotRefined, Refine, Refined } from "./refinement/refine.ts";
import { fitsMolblock, molblock } from "./sdf.ts";
import { type Stability, stability } from "./stability.ts";
import { type Validity, withValid } from "./validity.ts";
import { createVerdicts, type Verdict, type VerdictOf } from "./where/verdicts.ts";
import { needsOf, type Where } from "./where/where.ts";

export interface ValidateOptions {
  /** Compute descriptors of valid molecules. Default false. */
  readonly descriptors?: boolean;
  /** Write a V2000 molblock, of valid molecules and others. Default false. */
  readonly molblock?: boolean;
  /** Compute the InChIKey of valid molecules. Default true; false saves about half the time. */
  readonly inchikey?: boolean;
  /** How bonds are perceived, where the molecule carries none, and what valences are sound. Default `edm`. */
  readonly chemistry?: ChemistryName;
  /** Judge geometry and composition ({@link Validation.findings}). Default false: it takes as long again. */
  readonly judge?: boolean;
  /** Title of the molblock. Default empty. */
  readonly title?: string;
  /** Default `none`. Else the validator must be one with a refiner: `refinement/refining.ts`. */
  readonly refine?: Refine;
  /** Measure the strain of valid molecules ({@link Validation.strain}). Default false. The validator must be one with a refiner, too. */
  readonly strain?: boolean;
  /** Judge by this filter ({@link Validation.verdict}). The validator must be one with a refiner where the filter looks at strain. */
  readonly where?: Where;
}

export interface Validation extends Validity, Stability {
  /** Valid and one fragment. */
  readonly connected: boolean;
  /**
   * Canonical SMILES of the whole molecule for people, as RDKit writes it after reading the molblock: stereo as the
   * positions have it; hydrogens implicit, but for one that a double bond's stereo needs (`[H]/N=C/C`) and lone ones;
   * fragments set apart by dots. An atom that lacks bonds has the hydrogens that fill it up. Null where not valid.
   */
  readonly smiles: string | null;
  /** Standard InChIKey of the same, in 3D; null where not valid or not asked for. */
  readonly inchikey: string | null;
  /** Hydrogens that `smiles` and `inchikey` have beside the molecule's own, as atoms lack bonds; absent where there are none, or it is not valid. */
  readonly addedHydrogens?: number;
  /** As the molecule carries them, or perceived from distances, whether valid or not. */
  readonly bonds: readonly Bond[];
  /** Present where asked for and valid. */
  readonly descriptors?: Descriptors;
  /** Present where asked for and valid. */
  readonly findings?: Findings;
  /** Present where the judge was asked for: whether a second rule finds the same bonds ({@link rulesAgree}). */
  readonly bondsAgree?: boolean;
  /** Present where asked for, and where the form can hold the molecule. */
  readonly molblock?: string;
  /**
   * Of valid molecules, where asked for and where the force field has an energy: that of MMFF94 without charges, kcal/mol, of the positions that all
   * else is said of, above the local minimum; see `Refiner` of `refinement/refine.ts`.
   */
  readonly strain?: number;
  /** Present where a filter was asked for. */
  readonly verdict?: Verdict;
  /** Present where asked for. All else is then said of the refined molecule, where it is refined. */
  readonly refinement?:
    | NotRefined
    | Refined & {
      /** The SMILES, stereo included, is another than that of the positions as drawn. */
      readonly stereoChanged: boolean;
    };
}

/** Without this RDKit.js drops lone hydrogens, and double bond stereo with the hydrogens that bear it. */
export const KEEP_LONE = JSON.stringify({ removeDegreeZero: false });

/** Without the auxiliary information, which nobody reads. */
const BARE = "-AuxNone";

export interface Validate {
  (molecule: Molecule, options?: ValidateOptions): Validation;
  /** Judges by filters, with this validator's RDKit. Absent of one that has none. */
  readonly verdictOf?: VerdictOf;
}

/**
 * Makes the function that judges molecules. It throws RangeError for an unknown element, or positions that do not match
 * the atoms, and TypeError where it is to refine, or to measure strain; a molecule that makes no sense is merely not valid.
 */
export function createValidator(rdkit: Rdkit): Validate {
  let judge: Judge | undefined;
  const verdictOf = createVerdicts(rdkit);
  const validate = (molecule: Molecule, { where, ...asked }: ValidateOptions = {}): Validation => {
    const needs = where && needsOf(where), options = { ...asked, ...(needs?.judge && { judge: true }) };
    if ((options.refine ?? "none") !== "none") {
      throw new TypeError(`refine must be none of a validator without a refiner; got ${options.refine}`);
    }
    if (options.strain || needs?.strain) {
      throw new TypeError("strain must be false of a validator without a refiner; got true");
    }
    const chemistry = CHEMISTRIES[options.chemistry ?? "edm"], bonds = bondsOf(molecule, chemistry);
    const details = withValid(rdkit, molecule, bonds, (mol, verdict) => {
      const aromatic = options.judge ? (judge ??= createJudge(rdkit)).aromaticOf(mol) : undefined;
      // InChI from the molecule with its hydrogens, then SMILES without them.
      const inchikey = options.inchikey === false ? null : rdkit.inchikey(mol.get_inchi(BARE)) || null;
      mol.remove_hs_in_place(KEEP_LONE);
      const smiles = mol.get_smiles();
      return {
        ...verdict,
        inchikey,
        smiles,
        ...(options.descriptors && { descriptors: descriptorsOf(rdkit, smiles) }),
        ...(aromatic && { findings: judge!.findings(molecule, bonds, aromatic, smiles) }),
      };
    }, chemistry);
    const added = details ? addedHydrogens(molecule, bonds, chemistry) : 0;
    const validation: Validation = {
      ...stability(molecule, bonds, chemistry),
      ...(details ?? { fragments: 0, edmSmiles: null, inchikey: null, smiles: null }),
      valid: details !== null,
      connected: details?.fragments === 1,
      ...(added > 0 && Number.isFinite(added) && { addedHydrogens: added }),
      bonds,
      ...(options.judge && { bondsAgree: rulesAgree(molecule, bonds) }),
      ...(options.molblock && fitsMolblock(molecule, bonds) && { molblock: molblock(molecule, bonds, options.title) }),
    };
    return where ? { ...validation, verdict: verdictOf(where, molecule, validation) } : validation;
  };
  return Object.assign(validate, { verdictOf });
}

/** Hydrogen fluoride: a molecule for whoever needs one. */
export const SMALLEST: Molecule = {
  atomicNumbers: Uint8Array.of(1, 9),
  positions: Float32Array.of(0, 0, 0, 0.92, 0, 0),
};

/** Judges a first molecule: RDKit.js compiles and sets up much at it, a tenth of a second's worth, and as much again for descriptors. */
export function warmUp(validate: Validate): Validate {
  validate(SMALLEST, { descriptors: true });
  return validate;
}
