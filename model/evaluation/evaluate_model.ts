/** A model measured, once for each decoding of the same latents. */
import type { DataSet } from "../../chem/data_set.ts";
import type { Molecule } from "../../chem/molecule.ts";
import type { Refine } from "../../chem/refinement/refine.ts";
import type { Rdkit } from "../../chem/rdkit.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import type { DrawRequest } from "../generation/generate.ts";
import { openModel } from "../generation/open_model.ts";
import { acceptOrder, type Order } from "../generation/order.ts";
import { generateMolecules } from "../generation/pipeline.ts";
import type { Card } from "../models/card.ts";
import type { LoadOptions, ModelEntry } from "../models/load.ts";
import { alsoDecode } from "./also_decode.ts";
import { evaluate, type Evaluation } from "./evaluate.ts";
import { keeping, type RefinementSummary, refineMolecules } from "./evaluate_refined.ts";
import { findReference } from "./evaluate_reference.ts";
import { measureLikelihood } from "./measure_likelihood.ts";

/** Molecules whose order is settled together: many, so that batches of one size are full. */
export const WINDOW = 2048;

/** What is to be drawn, and the further decodings that are measured on the same latents. */
export interface EvaluationPlan {
  readonly request: DrawRequest;
  readonly others: readonly Decoding[];
}

/**
 * Checks every decoding against the card (the card's own where none is named); the first is sampled for.
 *
 * @throws as `acceptOrder`
 */
export function planEvaluation(card: Card, order: Order, decodings: readonly Decoding[] = []): EvaluationPlan {
  const all = decodings.length > 0 ? decodings : [undefined];
  const [request] = all.map((decoding) => acceptOrder(card, { ...order, decoding }));
  return { request, others: [...new Set(decodings.slice(1))].filter((one) => one !== request.settings.decoding) };
}

/** What comes with a result. */
export interface MoreOfResult {
  readonly rdkit: Rdkit;
  readonly compared: boolean;
  /** Of molecules that were refined first. */
  readonly refined?: RefinementSummary;
}

/** How to measure. */
export interface EvaluateModelOptions extends LoadOptions {
  readonly signal?: AbortSignal;
  /** Whether the molecules are refined after they are measured, and measured again. Default `none`. */
  readonly refine?: Refine;
  /** @param drawn molecules so far */
  readonly onProgress?: (fraction: number, drawn: number) => void;
  /** Told of a worker that has failed; the others go on. */
  readonly onFault?: (error: Error) => void;
  /** Measures the log-likelihood of so many molecules of the data set, too. */
  readonly likelihood?: { readonly data: DataSet; readonly count: number };
  /** Told of each measurement, that of the first decoding first, and what is refined, whose settings have `refine`, last. @param compared whether there is a reference */
  readonly onResult: (result: Evaluation, more: MoreOfResult) => Promise<void>;
}

/** Draws as planned and measures what comes out. */
export async function evaluateModel(
  entry: ModelEntry,
  { request, others }: EvaluationPlan,
  { signal, refine = "none", onProgress, onFault, onResult, likelihood: asked, ...load }: EvaluateModelOptions,
): Promise<void> {
  const { card: { name, version, chemistry, dataSet }, folder } = entry, { count, seed } = request;
  const { steps, sampler, grid, options, decoding, clamp, autoguidance } = request.settings;
  const [{ model, rdkit, pool, close }, reference] = await Promise.all([
    openModel(entry, { ...load, count, refine, onFault }),
    findReference([folder], dataSet),
  ]);
  const observed = alsoDecode(model, others), detail = { judge: true, chemistry };
  const asDrawn = { ...detail, strain: true };
  const more = { rdkit, compared: reference !== undefined }, backend = model.backend.name;
  const drawn = { steps, sampler, grid, options, decoding, clamp, ...autoguidance !== undefined && { autoguidance } };
  const shared = { model: name, version, ...drawn, seed, count, backend };
  const measured = { reference, signal }, own: Molecule[] = [];
  try {
    const generation = generateMolecules(observed.model, request, {
      validate: pool,
      detail: asDrawn,
      signal,
      window: WINDOW,
      onProgress: (fraction) => onProgress?.(fraction, generation.drawn),
    });
    const windows = refine === "none" ? generation.windows : keeping(generation.windows, own);
    const drawn = await evaluate(windows, {
      ...measured,
      settings: shared,
      generationMs: () => generation.timings.sampleMs + generation.timings.decodeMs,
    });
    const likelihood = asked && await measureLikelihood(model, asked.data, { count: asked.count, seed, signal });
    const result = { ...drawn, ...(likelihood && { likelihood }) };
    await onResult(result, more);
    for (const [other, molecules] of observed.others) {
      const { validations } = await pool.judge(molecules.map(({ molecule }) => molecule), asDrawn, {
        signal,
        last: true,
      });
      const judged = molecules.map((one, k) => ({ ...one, validation: validations[k] }));
      const settings = { ...shared, decoding: other };
      const again = await evaluate(once(judged), { ...measured, settings });
      // The sampling is shared, and so is its speed.
      await onResult({ ...again, moleculesPerSecond: result.moleculesPerSecond }, more);
    }
    if (refine !== "none") {
      const { judged, summary } = await refineMolecules(own, refine, pool, detail, signal);
      const again = await evaluate(once(judged), { ...measured, settings: { ...shared, refine, ...summary } });
      await onResult({ ...again, moleculesPerSecond: result.moleculesPerSecond }, { ...more, refined: summary });
    }
  } finally {
    close();
  }
}

/** A batch as a stream. */
async function* once<T>(batch: T): AsyncGenerator<T, void, void> {
  await Promise.resolve();
  yield batch;
}
