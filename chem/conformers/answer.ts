/** A molecule that is given, answered with its conformers or with why it has none: what a worker does. */
import type { EnsembleOrder, EnsembleTools } from "./ensemble.ts";
import { ensembleOf } from "./ensemble.ts";
import { type GivenMolecule, type MoleculeGraph, readGraph, UnansweredError } from "./graph.ts";
import type { PositionSource } from "./source.ts";
import {
  type ConformerForm,
  ensembleJson,
  ensembleSdf,
  errorJson,
  errorSdf,
  type InsteadOf,
  type ItemError,
  type Told,
} from "./written.ts";

/** A molecule of a request. */
export interface ConformerItem extends GivenMolecule, Told {}

/** What is asked of all of them. */
export interface ConformerOptions<Choice = unknown> extends EnsembleOrder {
  /** Which source draws. */
  readonly source: Choice;
  readonly form: ConformerForm;
  /** Most atoms of a molecule, hydrogens included. */
  readonly atomsMax: number;
  /** Longest that a molecule may take, seconds. */
  readonly seconds: number;
}

/** What has become of the sets of positions of a molecule. */
export interface ConformerCounts {
  readonly drawn: number;
  readonly stereo: number;
  readonly broken: number;
  readonly duplicate: number;
  /** Distinct ones that are given back. */
  readonly returned: number;
}

/** What draws a molecule's positions. */
export interface ChosenSource {
  readonly source: PositionSource;
  readonly insteadOf?: InsteadOf;
}

/** What answers are made with. */
export interface AnswerTools<Choice> extends Omit<EnsembleTools, "source"> {
  sourceOf(graph: MoleculeGraph, choice: Choice): ChosenSource | Promise<ChosenSource>;
}

/** The outcomes of sets of positions, in words. */
export const COUNTED = [
  "drawn",
  "stereo",
  "broken",
  "duplicate",
  "returned",
] as const satisfies readonly (keyof ConformerCounts)[];

/** None of all. */
export const noConformers = (): Record<keyof ConformerCounts, number> => ({
  ...{ drawn: 0, stereo: 0, broken: 0, duplicate: 0, returned: 0 },
});

/** An answer in its form, with what is counted. */
export interface ConformerAnswer {
  readonly text: string;
  readonly counts: ConformerCounts;
  /** Where there are no conformers. */
  readonly error?: ItemError;
}

/** The answer to a molecule that has no conformers. */
export function unanswered(item: ConformerItem, form: ConformerForm, error: ItemError): ConformerAnswer {
  const told = { index: item.index, name: item.name };
  return {
    text: form === "json" ? JSON.stringify(errorJson(told, error)) : errorSdf(told, error),
    counts: noConformers(),
    error,
  };
}

/** Answers one; what comes of it depends on it and the options alone. @throws WebAssembly.RuntimeError */
export async function answerConformers<Choice>(
  item: ConformerItem,
  options: ConformerOptions<Choice>,
  { sourceOf, ...tools }: AnswerTools<Choice>,
): Promise<ConformerAnswer> {
  const { form, atomsMax } = options;
  try {
    const graph = readGraph(tools.rdkit, item, atomsMax);
    const { source, insteadOf } = await sourceOf(graph, options.source);
    const ensemble = await ensembleOf(graph, options, { ...tools, source });
    const { drawn, dropped, conformers } = ensemble;
    return {
      text: form === "json"
        ? JSON.stringify(ensembleJson(item, graph, ensemble, insteadOf))
        : ensembleSdf(item, graph, ensemble, { ...options, insteadOf }),
      counts: { drawn, ...dropped, returned: conformers.length },
    };
  } catch (error) {
    // After this RDKit.js and the engine are in disorder.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    // Whatever a library throws of one molecule is no fault of the others.
    const reason = error instanceof UnansweredError ? error.reason : "failed";
    return unanswered(item, form, { reason, message: error instanceof Error ? error.message : String(error) });
  }
}
