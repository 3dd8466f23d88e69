/** From a stream of judged molecules to the numbers that are published: metrics, distances, speed. */
import { compareDistributions, createDistributions, type Distances } from "../../chem/distributions.ts";
import type { Composition } from "../../chem/composition.ts";
import { createJudgeSummary, type JudgeDistances, type JudgeSummary } from "../../chem/judge/summary.ts";
import { type Judged, type Memorisation, memorisation, summarise, type Summary } from "../../chem/metrics.ts";
import type { Molecule } from "../../chem/molecule.ts";
import type { Validation } from "../../chem/validator.ts";
import type { Reference } from "./evaluate_reference.ts";
import type { Likelihood } from "./measure_likelihood.ts";
import { type Machine, thisMachine } from "../diffusion/machine.ts";

/** A generated molecule as the pipeline hands it over. */
export interface Judgement {
  readonly molecule: Molecule;
  readonly validation: Validation;
  /** Whether its graph was searched for; absent where nobody said. */
  readonly repaired?: boolean;
}

/** How the molecules were made; `settings` of a result, told in its table. */
export interface EvaluationSettings {
  readonly model: string;
  readonly steps: number;
  readonly sampler: string;
  readonly seed: number;
  readonly count: number;
  readonly backend?: string;
  /** Anything else that it takes to make them again: grid, sampler options, version of the weights. */
  readonly [key: string]: unknown;
}

/** The result; plain data, fit for a JSON file. */
export interface Evaluation {
  readonly settings: EvaluationSettings;
  readonly metrics: Summary;
  /** From the test split; absent without a reference. */
  readonly distances?: Distances;
  /** Of the valid molecules; absent where they were not judged. */
  readonly composition?: Composition;
  /** Geometry, motifs and descriptors; absent where they were not judged. */
  readonly judge?: JudgeSummary;
  /** From the test split; absent without a reference that was judged. */
  readonly judgeDistances?: JudgeDistances;
  /** Of the data under the model; absent where nobody asked. */
  readonly likelihood?: Likelihood;
  /** Absent without a reference that knows what was held out. */
  readonly memorisation?: Memorisation;
  /** The data's own: the test split's metrics and composition, and the distances of training molecules from it. */
  readonly data?: {
    /** What the data set is called; QM9 where absent. */
    readonly label?: string;
    readonly metrics: Summary;
    readonly composition?: Composition;
    /** Its strain is that by MMFF94; references older than it lack it. */
    readonly judge?: JudgeSummary;
    readonly judgeFloor?: JudgeDistances;
    readonly floor: Distances;
    readonly floorMolecules: number;
  };
  /** Sampling and decoding alone. */
  readonly moleculesPerSecond: number;
  /** From the first molecule asked for to the last one judged. */
  readonly seconds: number;
  readonly machine: Machine;
  readonly date: string;
  /** SMILES of the first valid molecules, for a picture. */
  readonly examples: readonly string[];
}

export interface EvaluateOptions {
  readonly settings: EvaluationSettings;
  readonly reference?: Reference;
  /** Milliseconds spent so far in sampling and decoding; without it speed is taken from the clock. */
  readonly generationMs?: () => number;
  /** SMILES to keep. Default 48. */
  readonly examples?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Takes in `settings.count` molecules, batch by batch, and measures them. What the judge finds (`judge` of `ValidateOptions`) is summed up where
 * each molecule was judged.
 *
 * @throws {Error} where the stream ends before `count` molecules: a smaller n must not pass for the one asked for
 */
export async function evaluate(
  batches: AsyncIterable<readonly Judgement[]>,
  { settings, reference, generationMs, examples: most = 48, onProgress, signal }: EvaluateOptions,
): Promise<Evaluation> {
  const { count } = settings;
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`count must be a positive integer; got ${count}`);
  const records: Judged[] = [], seen = createDistributions(), examples: string[] = [], started = performance.now();
  const judged = createJudgeSummary(reference);
  let all = true;
  for await (const batch of batches) {
    signal?.throwIfAborted();
    for (const { molecule, validation, repaired } of batch) {
      const { valid, stable, stableAtoms, atoms, connected, edmSmiles, smiles, inchikey, bonds, refinement } =
        validation;
      const strain = refinement?.refined
        ? refinement.strain
        : validation.strain !== undefined
        ? { before: validation.strain }
        : undefined;
      records.push({ valid, stable, stableAtoms, atoms, connected, edmSmiles, smiles, inchikey });
      seen.add(molecule, bonds);
      all &&= validation.bondsAgree !== undefined;
      judged.add({ validation, repaired, strain });
      if (smiles !== null && examples.length < most) examples.push(smiles);
    }
    onProgress?.(records.length, count);
  }
  if (records.length !== count) throw new Error(`expected ${count} molecules; got ${records.length}`);
  const seconds = (performance.now() - started) / 1000;
  const statistics = reference?.statistics, { composition, judge } = statistics ?? {};
  const apart = all && composition && judge &&
    judged.distances({ composition, descriptors: judge.summary.descriptors });
  return {
    settings,
    metrics: summarise(records, { training: reference?.training }),
    ...(statistics && {
      distances: compareDistributions(seen.distributions(), statistics.distributions),
      data: {
        ...(statistics.label && { label: statistics.label }),
        metrics: statistics.metrics,
        composition,
        ...(judge && { judge: judge.summary, judgeFloor: judge.floor }),
        floor: statistics.floor.distances,
        floorMolecules: statistics.floor.molecules,
      },
    }),
    ...(all && { composition: judged.composition(), judge: judged.summary() }),
    ...(apart && { judgeDistances: apart }),
    ...(reference?.heldOut && { memorisation: memorisation(records, reference.training, reference.heldOut) }),
    moleculesPerSecond: count / (generationMs ? generationMs() / 1000 : seconds),
    seconds,
    machine: thisMachine(),
    date: new Date().toISOString(),
    examples,
  };
}
