/**
 * What a model is measured against: the test split's own metrics and distributions, and the training molecules' SMILES
 * as hashes. Shipped beside the weights, so that an evaluation needs no data set.
 */
import {
  compareDistributions,
  createDistributions,
  type Distances,
  type Distributions,
} from "../../chem/distributions.ts";
import type { Composition } from "../../chem/composition.ts";
import { createJudgeSummary, type JudgeDistances, type JudgeSummary, scaffoldKey } from "../../chem/judge/summary.ts";
import { summarise, type Summary } from "../../chem/metrics.ts";
import type { DataSet } from "../../chem/data_set.ts";
import { DEFAULT_DATA_SET } from "../../chem/data_sets.ts";
import { QM9_WORDS } from "../../chem/qm9.ts";
import type { RefineAndValidate } from "../../chem/refinement/refining.ts";
import { packSmiles, type SmilesSet, unpackSmiles } from "../../chem/smiles_set.ts";
import type { ValidateOptions } from "../../chem/validator.ts";
import { absent, readStored } from "../diffusion/files.ts";
import { checkDigest, sha256Of } from "../models/weights.ts";

export const REFERENCE_FILE = "reference.json", TRAINING_SMILES_FILE = "train_smiles.u40";
/** Of molecules that were not trained on; references older than the question of memorisation lack it. */
const HELD_OUT_SMILES_FILE = "held_out_smiles.u40";
/** Motifs and scaffolds of the training molecules; references older than the judge lack it. */
const TRAINING_MOTIFS_FILE = "train_motifs.u40";

/** The statistics of the data. */
export interface ReferenceStatistics {
  readonly format: "molstep-reference";
  readonly version: 1;
  /** What the data set is called; QM9 where absent. */
  readonly label?: string;
  /** EDM's metrics of the test split, novelty against the training split among them: what a perfect model scores. */
  readonly metrics: Summary;
  /** Of the test split. */
  readonly distributions: Distributions;
  /** Of the test split's valid molecules. */
  readonly composition?: Composition;
  /** What the judge finds in the test split, strain by MMFF94 without charges included, and how far training molecules, as many as of `floor`, are from it. */
  readonly judge?: { readonly summary: JudgeSummary; readonly floor: JudgeDistances };
  /** How far training molecules, as many as said here, are from the test split: what chance alone accounts for. */
  readonly floor: { readonly molecules: number; readonly distances: Distances };
  /** SHA-256 of each file beside it, by name; references older than these are read unchecked. */
  readonly sha256?: Readonly<Record<string, string>>;
}

export interface Reference {
  readonly statistics: ReferenceStatistics;
  /** EDM SMILES of the training split's valid molecules. */
  readonly training: SmilesSet;
  /** Of the validation and test splits' valid molecules. */
  readonly heldOut?: SmilesSet;
  /** Motifs and scaffolds of the training split's valid molecules. */
  readonly motifs?: SmilesSet;
}

export interface MakeReferenceOptions {
  /** With a refiner, as the test split's strain is measured. */
  readonly validate: RefineAndValidate;
  /** Training molecules for the floor. Default 10,000, as in a published row. */
  readonly floor?: number;
  /** Called with molecules done and their total. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** The files of a reference: their names with their contents. QM9 takes some minutes on one core. */
export async function makeReference(
  data: DataSet,
  { validate, floor = 10_000, onProgress, signal }: MakeReferenceOptions,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { train, valid, test } = data.split, total = train.length + valid.length + test.length;
  let done = 0;
  const pass = async (row: number, how: Pick<ValidateOptions, "judge" | "strain" | "inchikey"> = { judge: true }) => {
    if (++done % 500 === 0) {
      onProgress?.(done, total);
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets a signal through
    }
    signal?.throwIfAborted();
    const molecule = data.molecule(row), { chemistry } = data;
    return { molecule, validation: await validate(molecule, { inchikey: false, chemistry, ...how }) };
  };

  const known: string[] = [],
    trained = createDistributions(),
    nearest = createJudgeSummary(),
    parts = new Set<string>();
  for (let k = 0; k < train.length; k++) {
    const { molecule, validation } = await pass(train[k]);
    if (validation.edmSmiles !== null) known.push(validation.edmSmiles);
    for (const motif of validation.findings?.motifs ?? []) parts.add(motif);
    if (validation.findings?.scaffold) parts.add(scaffoldKey(validation.findings.scaffold));
    if (k >= floor) continue;
    trained.add(molecule, validation.bonds);
    nearest.add({ validation });
  }
  const packed = packSmiles(known), training = unpackSmiles(packed);
  const packedMotifs = packSmiles(parts), motifs = unpackSmiles(packedMotifs);

  const heldOut: string[] = [];
  for (const row of valid) {
    const { validation: { edmSmiles } } = await pass(row, {});
    if (edmSmiles !== null) heldOut.push(edmSmiles);
  }

  const records = [], tested = createDistributions(), judged = createJudgeSummary({ training, motifs });
  for (const row of test) {
    const { molecule, validation } = await pass(row, { judge: true, strain: true, inchikey: true }),
      { strain } = validation;
    records.push(validation);
    tested.add(molecule, validation.bonds);
    judged.add({ validation, ...(strain !== undefined && { strain: { before: strain } }) });
    if (validation.edmSmiles !== null) heldOut.push(validation.edmSmiles);
  }
  const composition = judged.composition(), summary = judged.summary();
  const judgeFloor = nearest.distances({ composition, descriptors: summary.descriptors });
  onProgress?.(done, total);
  const distributions = tested.distributions();
  const sets = {
    [TRAINING_SMILES_FILE]: packed,
    [HELD_OUT_SMILES_FILE]: packSmiles(heldOut),
    [TRAINING_MOTIFS_FILE]: packedMotifs,
  };
  const statistics: ReferenceStatistics = {
    format: "molstep-reference",
    version: 1,
    ...(data.label !== QM9_WORDS.label && { label: data.label }),
    metrics: summarise(records, { training }),
    distributions,
    composition,
    ...(judgeFloor && { judge: { summary, floor: judgeFloor } }),
    floor: {
      molecules: Math.min(floor, train.length),
      distances: compareDistributions(trained.distributions(), distributions),
    },
    sha256: Object.fromEntries(Object.entries(sets).map(([name, bytes]) => [name, sha256Of(bytes)])),
  };
  return new Map([
    [REFERENCE_FILE, new TextEncoder().encode(JSON.stringify(statistics) + "\n")],
    ...Object.entries(sets),
  ]);
}

/**
 * Reads a reference from the folder where its files lie.
 *
 * @returns undefined where there are neither statistics nor training molecules
 * @throws {Deno.errors.NotFound} where only one of them is there, or a file that the statistics have a digest of is not
 * @throws {TypeError} naming the file that is damaged: not in order, or of another digest than the statistics say
 */
export async function readReference(folder: string): Promise<Reference | undefined> {
  const read = (name: string) => readStored(`${folder}/${name}`).catch(absent);
  const names = [REFERENCE_FILE, TRAINING_SMILES_FILE, HELD_OUT_SMILES_FILE, TRAINING_MOTIFS_FILE];
  const [text, smiles, held, parts] = await Promise.all(names.map(read));
  if (!text && !smiles) return undefined;
  if (!text || !smiles) {
    const [here, lacking] = text ? [REFERENCE_FILE, TRAINING_SMILES_FILE] : [TRAINING_SMILES_FILE, REFERENCE_FILE];
    throw new Deno.errors.NotFound(`${folder} holds ${here} and lacks ${lacking}`);
  }
  let statistics: ReferenceStatistics;
  try {
    statistics = JSON.parse(new TextDecoder().decode(text));
  } catch (cause) {
    throw new TypeError(`${folder}/${REFERENCE_FILE}: not JSON`, { cause });
  }
  if (statistics?.format !== "molstep-reference" || statistics.version !== 1) {
    throw new TypeError(`${folder}/${REFERENCE_FILE}: not statistics of format molstep-reference, version 1`);
  }
  const training = unpackSmiles(smiles, `${folder}/${TRAINING_SMILES_FILE}`);
  const heldOut = held && unpackSmiles(held, `${folder}/${HELD_OUT_SMILES_FILE}`);
  const motifs = parts && unpackSmiles(parts, `${folder}/${TRAINING_MOTIFS_FILE}`);
  const sets: Record<string, Uint8Array | undefined> = {
    [TRAINING_SMILES_FILE]: smiles,
    [HELD_OUT_SMILES_FILE]: held,
    [TRAINING_MOTIFS_FILE]: parts,
  };
  for (const [name, expected] of Object.entries(statistics.sha256 ?? {})) {
    const bytes = sets[name];
    if (!bytes) throw new Deno.errors.NotFound(`${folder} holds ${REFERENCE_FILE} and lacks ${name}`);
    checkDigest(`${folder}/${name}`, sha256Of(bytes), expected, REFERENCE_FILE);
  }
  return { statistics, training, heldOut, motifs };
}

/**
 * The reference in the first of these folders that has one.
 *
 * @param folders a model's own folder, say; of models of QM9 the shipped `weights/qm9` is looked into last
 */
export async function findReference(
  folders: readonly string[] = [],
  dataSet: string = DEFAULT_DATA_SET,
): Promise<Reference | undefined> {
  const shipped = decodeURIComponent(new URL("../../weights/qm9", import.meta.url).pathname);
  for (const folder of dataSet === DEFAULT_DATA_SET ? [...folders, shipped] : folders) {
    const reference = await readReference(folder);
    if (reference) return reference;
  }
  return undefined;
}

/** `deno run -A model/evaluation/evaluate_reference.ts FOLDER [DATA]` writes the reference of QM9, or of another data set, into a folder. */
if (import.meta.main) {
  const [folder, data] = Deno.args;
  if (Deno.args.length < 1 || Deno.args.length > 2) {
    throw new RangeError(`expected a folder to write to, and a data set or none; got ${Deno.args.join(" ") || "none"}`);
  }
  const [{ openDataSet }, { createRdkit }, { createValidator }, { withRefinement }, { openRefiner }] = await Promise
    .all([
      import("../../chem/data_sets.ts"),
      import("../../chem/rdkit.ts"),
      import("../../chem/validator.ts"),
      import("../../chem/refinement/refining.ts"),
      import("../generation/refiner.ts"),
    ]);
  const validate = withRefinement(createValidator(await createRdkit()), { open: openRefiner });
  const onProgress = (done: number, total: number) => {
    if (done % 10_000 === 0 || done === total) console.error(`${done} of ${total} molecules`);
  };
  const files = await makeReference(await openDataSet(data), { validate, onProgress });
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) await Deno.writeFile(`${folder}/${name}`, bytes);
}
