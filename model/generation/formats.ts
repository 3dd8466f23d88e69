/** Generated molecules as text: a JSON object, an SDF record, an XYZ frame. Coordinates to four decimals everywhere. */
import { symbolOf } from "../../chem/elements.ts";
import type { Descriptors } from "../../chem/descriptors.ts";
import type { Bond, Molecule } from "../../chem/molecule.ts";
import { fitsMolblock, molblock, sdfRecord } from "../../chem/sdf.ts";
import { xyz } from "../../chem/xyz.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import type { GeneratedMolecule } from "./pipeline.ts";

/** What a request may ask to see of each molecule. */
export const INCLUDES = ["molblock", "descriptors", "bonds"] as const;

/** One of {@link INCLUDES}. */
export type Include = typeof INCLUDES[number];

/** A molecule in a response. */
export interface MoleculeJson {
  index: number;
  valid: boolean;
  stable: boolean;
  connected: boolean;
  decoding: Decoding;
  smiles: string | null;
  inchikey: string | null;
  symbols: string[];
  positions: [number, number, number][];
  bonds?: Bond[];
  descriptors?: Descriptors | null;
  molblock?: string;
}

/** What is said of the run that a molecule came from. */
export interface Origin {
  readonly model: string;
  /** Of the weights that drew it. */
  readonly version: string;
  readonly seed: number;
}

const NOTHING: Molecule = { atomicNumbers: new Uint8Array(), positions: new Float32Array() };

/** The molecule and its bonds; of one with coordinates that no file can hold (a sampler that overflowed), no atoms. */
function printable({ molecule, validation }: GeneratedMolecule): { molecule: Molecule; bonds: readonly Bond[] } {
  const { bonds } = validation;
  return fitsMolblock(molecule, bonds) ? { molecule, bonds } : { molecule: NOTHING, bonds: [] };
}

/** A value of a comment's `key=value`: in quotes where it has blanks. */
const quoted = (text: string) => /[\s"]/.test(text) ? JSON.stringify(text) : text;

const title = ({ model, seed }: Origin, index: number) => `${model} seed ${seed} molecule ${index}`;

/** A molecule as the JSON and NDJSON forms have it. Positions in angstrom. */
export function toJson(
  generated: GeneratedMolecule,
  include: readonly Include[],
  origin: Origin,
): MoleculeJson {
  const { index, decoding, validation } = generated, { molecule, bonds } = printable(generated);
  const { valid, stable, connected, smiles, inchikey, descriptors } = validation;
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
    symbols: Array.from(molecule.atomicNumbers, symbolOf),
    positions: Array.from(molecule.atomicNumbers, (_, i) => [at(i, 0), at(i, 1), at(i, 2)]),
    ...(include.includes("bonds") && { bonds: [...bonds] }),
    ...(include.includes("descriptors") && { descriptors: descriptors ?? null }),
    ...(include.includes("molblock") && { molblock: molblock(molecule, bonds, title(origin, index)) }),
  };
}

/** A molecule as an SDF record: V2000, 3D, with what was found out as data fields. */
function toSdf(generated: GeneratedMolecule, origin: Origin): string {
  const { index, decoding, validation } = generated, { molecule, bonds } = printable(generated);
  const { valid, stable, connected, smiles, inchikey, descriptors } = validation;
  return sdfRecord(molblock(molecule, bonds, title(origin, index)), {
    model: origin.model,
    version: origin.version,
    seed: origin.seed,
    index,
    valid,
    stable,
    connected,
    decoding,
    ...(smiles && { smiles }),
    ...(inchikey && { inchikey }),
    ...descriptors,
  });
}

/** A molecule as an XYZ frame; the comment is made of `key=value` pairs. */
function toXyz(generated: GeneratedMolecule, { model, version, seed }: Origin): string {
  const { index, decoding, validation: { valid, stable, connected, smiles } } = generated;
  const comment = `model=${model} version=${quoted(version)} seed=${seed} index=${index} valid=${valid} ` +
    `stable=${stable} connected=${connected} decoding=${decoding}`;
  return xyz(printable(generated).molecule, smiles ? `${comment} smiles=${smiles}` : comment);
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
    case "xyz": {
      const rest = Object.entries(values).map(([name, value]) => ` ${name}=${value}`).join("");
      return xyz(NOTHING, `error=${quoted(error)}${rest}`);
    }
    case "ndjson":
      return JSON.stringify({ error, ...values }) + "\n";
  }
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
