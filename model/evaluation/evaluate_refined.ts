/** The same molecules, refined: measured after the model's own, which are what is published. */
import type { Molecule } from "../../chem/molecule.ts";
import type { Refine } from "../../chem/refinement/refine.ts";
import type { ValidateOptions, Validation } from "../../chem/validator.ts";
import type { BatchValidator } from "../../chem/validator_pool.ts";
import { refinedOf } from "../generation/pipeline.ts";
import type { Judgement } from "./evaluate.ts";

/** What refinement did to a number of molecules. */
export interface RefinementSummary {
  /** Of all molecules. */
  readonly refined: number;
  /** Of those refined: whose SMILES, stereo included, is another. */
  readonly stereoChanged: number;
  /** kcal/mol of those refined, `[median, 90 %]`; see `Strain` of `chem/refinement/refine.ts`. Null of none. */
  readonly strainBefore: readonly [number, number] | null;
  readonly strainAfter: readonly [number, number] | null;
  /** Angstrom, likewise. */
  readonly rmsd: readonly [number, number] | null;
}

/** Median and nine tenths, to three decimals; null of no values. */
function spread(values: readonly number[]): [number, number] | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => Math.round(1000 * sorted[Math.floor(part * (sorted.length - 1))]) / 1000;
  return [at(0.5), at(0.9)];
}

/** @param validations of molecules that were to be refined */
export function summariseRefinement(validations: readonly Pick<Validation, "refinement">[]): RefinementSummary {
  const done = validations.flatMap(({ refinement }) => refinement?.refined ? [refinement] : []);
  return {
    refined: done.length,
    stereoChanged: done.filter(({ stereoChanged }) => stereoChanged).length,
    strainBefore: spread(done.map(({ strain }) => strain.before)),
    strainAfter: spread(done.map(({ strain }) => strain.after)),
    rmsd: spread(done.map(({ rmsd }) => rmsd)),
  };
}

/** Refines molecules and judges them again. */
export async function refineMolecules(
  molecules: readonly Molecule[],
  refine: Refine,
  pool: BatchValidator,
  detail: ValidateOptions,
  signal?: AbortSignal,
): Promise<{ readonly judged: Judgement[]; readonly summary: RefinementSummary }> {
  const { validations } = await pool.judge(molecules, { ...detail, refine }, { signal, last: true });
  const judged = validations.map((validation, k) => ({ molecule: refinedOf(molecules[k], validation), validation }));
  return { judged, summary: summariseRefinement(validations) };
}

/** The batches as they are; `into` gets their molecules. */
export async function* keeping<T extends Judgement>(
  batches: AsyncIterable<readonly T[]>,
  into: Molecule[],
): AsyncGenerator<readonly T[], void, void> {
  for await (const batch of batches) {
    into.push(...batch.map(({ molecule }) => molecule));
    yield batch;
  }
}

/** A line for people. */
export function refinementLine(
  { refined, stereoChanged, strainBefore, strainAfter, rmsd }: RefinementSummary,
  count: number,
): string {
  const told = (spread: readonly [number, number] | null) => spread ? spread.join(" / ") : "-";
  return `refined: ${refined} of ${count}; strain (median / 90 %, kcal/mol) ${told(strainBefore)} before, ${
    told(strainAfter)
  } after; moved ${told(rmsd)} angstrom; stereo changed in ${stereoChanged}`;
}
