/** Generated molecules as text: a JSON object, an SDF record, an XYZ frame. Coordinates to four decimals everywhere. */
import { chargedGraph } from "../../chem/added_hydrogens.ts";
import { symbolOf } from "../../chem/elements.ts";
import type { Descriptors } from "../../chem/descriptors.ts";
import type { Bond, Molecule } from "../../chem/molecule.ts";
import type { Refine } from "../../chem/refinement/refine.ts";
import { fitsMolblock, molblock, sdfRecord } from "../../chem/sdf.ts";
import type { Verdict } from "../../chem/where/verdicts.ts";
import { xyz } from "../../chem/xyz.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import type { SamplerChoice } from "../diffusion/samplers/mod.ts";
import { VERSION } from "../models/version.ts";
import type { GeneratedMolecule } from "./pipeline.ts";
import { refinementFields, type RefinementJson, toldRefinement } from "./refinement.ts";
import { soundnessFields, type SoundnessJson, toldSoundness } from "./soundness.ts";

/** What a request may ask to see of each molecule. */
export const INCLUDES = ["molblock", "descriptors", "bonds", "sdf", "judge"] as const;

/** One of {@link INCLUDES}. */
export type Include = typeof INCLUDES[number];

/** A molecule in a response. */
export interface MoleculeJson extends Partial<RefinementJson>, Partial<SoundnessJson> {
  index: number;
  valid: boolean;
  stable: boolean;
  connected: boolean;
  decoding: Decoding;
  smiles: string | null;
  inchikey: string | null;
  /** What it took, where several of its steps were called for at once. */
  rounds?: number;
  calls?: number;
  /** Those that windows of `where` ask for. */
  values?: Verdict["values"];
  /** Hydrogens that these two have beside the molecule's own; absent where there are none. */
  addedHydrogens?: number;
  symbols: string[];
  positions: [number, number, number][];
  bonds?: Bond[];
  descriptors?: Descriptors | null;
  molblock?: string;
  /** The record that the SDF form has of it, data fields and all. */
  sdf?: string;
}

/** What is said of the run that a molecule came from. */
export interface Origin {
  readonly model: string;
  /** Of the weights that drew it. */
  readonly version: string;
  /** The SHA-256 of each of their files, where the card has them; set apart by blanks. */
  readonly weights?: string;
  readonly sampler: SamplerChoice;
  readonly steps: number;
  readonly seed: number;
  /** Absent where nothing is refined. */
  readonly refine?: Refine;
  /** The first so many atoms were given; absent where none were. */
  readonly fixedAtoms?: number;
}

const NOTHING: Molecule = { atomicNumbers: new Uint8Array(), positions: new Float32Array() };

/** The molecule and its bonds; of one with coordinates that no file can hold (a sampler that overflowed), no atoms. */
function printable({ molecule, validation }: GeneratedMolecule): { molecule: Molecule; bonds: readonly Bond[] } {
  const { bonds } = validation;
  return fitsMolblock(molecule, bonds) ? { molecule, bonds } : { molecule: NOTHING, bonds: [] };
}

/**
 * The value of a comment's `key=value` as extended XYZ has it (https://github.com/libAtoms/extxyz): text in double quotes, quotes and backslashes
 * in it with a backslash; numbers and truth values bare. So no reader takes a SMILES for a list or an escape. (ASE 3.29 takes text `F`, which
 * is hydrogen fluoride, for false even so.)
 */
const xyzValue = (value: string | number | boolean) =>
  typeof value === "string" ? `"${value.replace(/["\\]/g, "\\$&").replace(/\r?\n|\r/g, "\\n")}"` : String(value);

const xyzComment = (values: Readonly<Record<string, string | number | boolean>>) =>
  Object.entries(values).map(([key, value]) => `${key}=${xyzValue(value)}`).join(" ");

/** What names a file of molecules of a seed, and begins the title of each of them. */
export const stemOf = (seed: number): string => `molstep-${seed}`;

/** A molblock, with charges: those that the molecule carries, or where its bonds were perceived, those that they mean. Its title is the seed's own. */
function blockOf(generated: GeneratedMolecule, { seed }: Origin): string {
  const { molecule, bonds } = printable(generated), told = chargedGraph(molecule, bonds);
  return molblock(told.molecule, told.bonds, `${stemOf(seed)}-${generated.index}`);
}

/** The values that windows ask for; nothing where there are none. */
const toldValues = ({ verdict }: { readonly verdict?: Verdict }): Pick<MoleculeJson, "values"> =>
  verdict && Object.keys(verdict.values).length > 0 ? { values: verdict.values } : {};

/** A molecule as the JSON and NDJSON forms have it. Positions in angstrom. */
export function toJson(
  generated: GeneratedMolecule,
  include: readonly Include[],
  origin: Origin,
): MoleculeJson {
  const { index, decoding, validation } = generated, { molecule, bonds } = printable(generated);
  const { valid, stable, connected, smiles, inchikey, addedHydrogens, descriptors } = validation;
  const round = (value: number) => Math.round(value * 1e4) / 1e4;
  const at = (i: number, axis: number) => round(molecule.positions[3 * i + axis]);
  return {
    index,
    valid,
    stable,
    connected,
    decoding,
    smiles,
    inchikey,
    ...(addedHydrogens && { addedHydrogens }),
    ...toldRefinement(generated),
    ...toldSoundness(generated),
    ...generated.effort,
    ...toldValues(validation),
    symbols: Array.from(molecule.atomicNumbers, symbolOf),
    positions: Array.from(molecule.atomicNumbers, (_, i) => [at(i, 0), at(i, 1), at(i, 2)]),
    ...(include.includes("bonds") && { bonds: [...bonds] }),
    ...(include.includes("descriptors") && { descriptors: descriptors ?? null }),
    ...(include.includes("molblock") && { molblock: blockOf(generated, origin) }),
    ...(include.includes("sdf") && { sdf: toSdf(generated, origin) }),
  };
}

/** A molecule as an SDF record: V2000, 3D, with where it came from and what was found out as data fields. */
function toSdf(generated: GeneratedMolecule, origin: Origin): string {
  const { index, decoding, validation } = generated,
    { model, version, weights, sampler, steps, seed, refine, fixedAtoms } = origin;
  const { valid, stable, connected, smiles, inchikey, addedHydrogens, descriptors } = validation;
  return sdfRecord(blockOf(generated, origin), {
    model,
    version,
    ...(weights && { weights }),
    sampler,
    steps,
    seed,
    index,
    valid,
    stable,
    connected,
    decoding,
    ...(refine && { refine }),
    ...(fixedAtoms && { fixedAtoms }),
    ...refinementFields(generated),
    ...soundnessFields(generated),
    ...generated.effort,
    ...(smiles && { smiles }),
    ...(inchikey && { inchikey }),
    ...toldValues(validation).values,
    ...(addedHydrogens && { addedHydrogens }),
    ...descriptors,
    molstep: VERSION,
  });
}

/** A molecule as an XYZ frame; the comment is made of `key=value` pairs; see {@link xyzValue}. */
function toXyz(generated: GeneratedMolecule, { model, version, seed, fixedAtoms }: Origin): string {
  const { index, decoding, validation: { valid, stable, connected, smiles, addedHydrogens } } = generated;
  const facts = { model, version, seed, index, valid, stable, connected, decoding };
  const told = {
    ...facts,
    ...(fixedAtoms && { fixedAtoms }),
    ...refinementFields(generated),
    ...soundnessFields(generated),
    ...generated.effort,
    ...toldValues(generated.validation).values,
    ...(smiles && { smiles }),
    ...(addedHydrogens && { addedHydrogens }),
  };
  return xyz(printable(generated).molecule, xyzComment(told));
}

/** Forms that a file or a stream of molecules can have. */
export const FORMATS = ["sdf", "xyz", "ndjson"] as const;

/** One of {@link FORMATS}. */
export type Format = typeof FORMATS[number];

/** Why a stream ends before its end, as its last record: an object, or a molecule of no atoms, with `error` and these values. */
export function toFault(
  format: Format,
  { error, ...values }: { readonly error: string; readonly drawn: number; readonly count: number },
): string {
  switch (format) {
    case "sdf":
      return sdfRecord(molblock(NOTHING, [], "error"), { error, ...values });
    case "xyz":
      return xyz(NOTHING, xyzComment({ error, ...values }));
    case "ndjson":
      return JSON.stringify({ error, ...values }) + "\n";
  }
}

/** What became of molecules that were drawn to be sifted. Those that passed and those rejected are all that were drawn. */
export interface Sifted {
  readonly drawn: number;
  /** That are given back. */
  readonly passed: number;
  /** Molecules by why they fell out. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Where molecules are wanted: as many as were passed, so many as may be were drawn, or the time was over. */
  readonly ended?: "want" | "maxDraws" | "deadline";
}

/** The same as the last record of a stream: an object, or a molecule of no atoms. */
export function toTail(format: Format, sifted: Sifted): string {
  if (format === "ndjson") return JSON.stringify(sifted) + "\n";
  const { ended, rejected, ...counts } = sifted;
  const told = { ...(ended && { ended }), ...counts, rejected: JSON.stringify(rejected) };
  return format === "sdf" ? sdfRecord(molblock(NOTHING, [], ended ?? ""), told) : xyz(NOTHING, xyzComment(told));
}

/** A molecule as a piece of a stream of this form. */
export function toRecord(
  format: Format,
  generated: GeneratedMolecule,
  include: readonly Include[],
  origin: Origin,
): string {
  switch (format) {
    case "sdf":
      return toSdf(generated, origin);
    case "xyz":
      return toXyz(generated, origin);
    case "ndjson":
      return JSON.stringify(toJson(generated, include, origin)) + "\n";
  }
}
