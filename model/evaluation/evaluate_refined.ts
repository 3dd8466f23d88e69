/** The same molecules, refined: measured after the model's own, which are what is published. */
import type { Molecule } from "../../chem/molecule.ts";
import { type Spread, spreadOf } from "../../chem/judge/summary.ts";
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
  /** How far atoms were moved, angstrom, of those refined; null of none. Their strain is the judge's to tell (`JudgeSummary`). */
  readonly rmsd: Spread | null;
}

/** @param validations of molecules that were to be refined */
export function summariseRefinement(validations: readonly Pick<Validation, "refinement">[]): RefinementSummary {
  const done = validations.flatMap(({ refinement }) => refinement?.refined ? [refinement] : []);
  return {
    refined: done.length,
    stereoChanged: done.filter(({ stereoChanged }) => stereoChanged).length,
    rmsd: done.length === 0 ? null : spreadOf(done.map(({ rmsd }) => rmsd)),
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
export function refinementLine({ refined, stereoChanged, rmsd }: RefinementSummary, count: number): string {
  const moved = rmsd ? [rmsd.median, rmsd.ninety].map(({ value }) => value.toFixed(3)).join(" / ") : "-";
  return `refined: ${refined} of ${count}; moved (median / 90 %) ${moved} angstrom; stereo changed in ${stereoChanged}`;
}
