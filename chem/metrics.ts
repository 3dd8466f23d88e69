/** Rates over a set of molecules as EDM defines them, each with its 95 % interval. */
import { identity } from "./identity.ts";
import { type Rate, wilson } from "./rate.ts";
import type { Validation } from "./validator.ts";

export interface Summary {
  /** Number of molecules. */
  readonly count: number;
  readonly validity: Rate;
  readonly moleculeStability: Rate;
  /** Over all atoms of all molecules. */
  readonly atomStability: Rate;
  /** Distinct molecules, by the largest fragment's SMILES without stereo, among the valid ones. It falls as more are drawn: compare at equal `count`. */
  readonly uniqueness: Rate;
  /** Distinct valid molecules among all: validity times uniqueness. */
  readonly validUnique: Rate;
  /** The same two by InChIKey, which knows stereo and takes tautomers for one; absent where no molecule has one. */
  readonly uniquenessByInchikey?: Rate;
  readonly validUniqueByInchikey?: Rate;
  /** Valid and of one fragment, among all. */
  readonly connected: Rate;
  /** Distinct valid molecules that the training set lacks, among the distinct valid ones. */
  readonly novelty?: Rate;
}

/** What of a validation the metrics read. */
export type Judged =
  & Pick<Validation, "valid" | "stable" | "stableAtoms" | "atoms" | "connected" | "edmSmiles">
  & Partial<Pick<Validation, "smiles" | "inchikey">>;

/**
 * The rate of stable atoms. Atoms of one molecule stand and fall together, so counting each as a case of its own would
 * make the interval too narrow: Wilson's is taken at the effective number of cases p(1 - p) / var(p), with the variance
 * of a ratio estimate over molecules (Korn & Graubard, Surv. Methodol. 24, 193, 1998).
 */
function atomRate(records: readonly Judged[], z: number): Rate {
  let stable = 0, atoms = 0;
  for (const record of records) stable += record.stableAtoms, atoms += record.atoms;
  if (atoms === 0) return wilson(0, 0, z);
  const p = stable / atoms, molecules = records.length;
  let squares = 0;
  for (const record of records) squares += (record.stableAtoms - p * record.atoms) ** 2;
  const variance = molecules > 1 ? squares * molecules / (molecules - 1) / atoms ** 2 : 0;
  const cases = variance > 0 ? Math.min(atoms, p * (1 - p) / variance) : molecules;
  return { ...wilson(p * cases, cases, z), value: p, n: atoms };
}

/**
 * EDM's metrics of a set of molecules.
 *
 * Uniqueness and novelty are no rates of independent cases; their intervals are Wilson's all the same, a rough guide.
 *
 * @param options.training EDM SMILES (`Validity.edmSmiles`) of the training molecules; without it novelty is left out
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const methane = { valid: true, stable: true, stableAtoms: 5, atoms: 5, connected: true, edmSmiles: "C" };
 * const torn = { valid: false, stable: false, stableAtoms: 3, atoms: 5, connected: false, edmSmiles: null };
 * const { validity, uniqueness, atomStability, novelty } = summarise([methane, methane, torn], { training: new Set(["C"]) });
 * assert.deepEqual([validity.value, uniqueness.value, atomStability.value, novelty!.value], [2 / 3, 1 / 2, 13 / 15, 0]);
 * ```
 */
export function summarise(
  records: readonly Judged[],
  { training, z = 1.96 }: { training?: Pick<ReadonlySet<string>, "has">; z?: number } = {},
): Summary {
  const count = records.length, distinct = new Set<string>(), whole = new Set<string>();
  const told = records.some(({ inchikey }) => inchikey);
  let valid = 0, stable = 0, connected = 0;
  for (const record of records) {
    if (record.stable) stable++;
    if (record.connected) connected++;
    if (!record.valid) continue;
    valid++;
    distinct.add(record.edmSmiles!);
    const { edmSmiles, inchikey = null, smiles = null } = record;
    if (told) whole.add(identity({ edmSmiles, inchikey, smiles }, "inchikey"));
  }
  let novel = 0;
  if (training) { for (const smiles of distinct) if (!training.has(smiles)) novel++; }
  return {
    count,
    validity: wilson(valid, count, z),
    moleculeStability: wilson(stable, count, z),
    atomStability: atomRate(records, z),
    uniqueness: wilson(distinct.size, valid, z),
    validUnique: wilson(distinct.size, count, z),
    ...(told && {
      uniquenessByInchikey: wilson(whole.size, valid, z),
      validUniqueByInchikey: wilson(whole.size, count, z),
    }),
    connected: wilson(connected, count, z),
    ...(training && { novelty: wilson(novel, distinct.size, z) }),
  };
}

/** Whether a model draws what it was trained on more often than what it has never seen. */
export interface Memorisation {
  /** Distinct valid molecules; of them those of the training molecules, and of those that were held out. */
  readonly distinct: number;
  readonly inTraining: number;
  readonly inHeldOut: number;
  /** Hits a molecule of the training data over hits a molecule held out, with its 95 % interval: 1 where nothing is memorised. Null without hits. */
  readonly ratio: { readonly value: number; readonly low: number; readonly high: number } | null;
}

/** A set whose size is known. */
export type Known = Pick<ReadonlySet<string>, "has" | "size">;

/**
 * Compares how often distinct drawn molecules are found among those that were trained on and among those that were not: both are
 * drawn from the same data, so a model that has learned the distribution alone finds them equally often. The interval is that of a
 * ratio of two Poisson counts, normal in its logarithm.
 */
export function memorisation(records: readonly Judged[], training: Known, heldOut: Known): Memorisation {
  const distinct = new Set(records.flatMap(({ valid, edmSmiles }) => valid && edmSmiles !== null ? [edmSmiles] : []));
  let inTraining = 0, inHeldOut = 0;
  for (const smiles of distinct) {
    if (training.has(smiles)) inTraining++;
    else if (heldOut.has(smiles)) inHeldOut++;
  }
  if (inTraining === 0 || inHeldOut === 0) return { distinct: distinct.size, inTraining, inHeldOut, ratio: null };
  const value = (inTraining / training.size) / (inHeldOut / heldOut.size);
  const factor = Math.exp(1.96 * Math.sqrt(1 / inTraining + 1 / inHeldOut));
  return {
    distinct: distinct.size,
    inTraining,
    inHeldOut,
    ratio: { value, low: value / factor, high: value * factor },
  };
}
