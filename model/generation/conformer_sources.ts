/** Which source draws the positions of a molecule: what is asked for, or a generator where a network does not know the molecule. */
import { createGenerator, type GeneratorName, GENERATORS, isGenerator } from "../../chem/conformers/generators.ts";
import type { MoleculeGraph } from "../../chem/conformers/graph.ts";
import type { ChosenSource } from "../../chem/conformers/answer.ts";
import type { PositionSource } from "../../chem/conformers/source.ts";
import { ImpossibleOrderError } from "./order.ts";
import type { Card } from "../models/card.ts";
import { drawsConformers } from "../models/told.ts";
import type { NetworkSources } from "./network_source.ts";

/** What draws where a network does not know a molecule, and where nobody says and there is no network. */
export const DEFAULT_GENERATOR: GeneratorName = "openchemlib";

/** What draws where nobody says, in words. */
export const DEFAULT_SOURCE_WORDS = `the first model that draws conformers, else ${DEFAULT_GENERATOR}`;

/** Steps of a network where nobody says. */
export const DEFAULT_CONFORMER_STEPS = 8;

/** Most of them. */
export const CONFORMER_STEPS_MAX = 1000;

/** A source as it is sent to a worker. */
export type SourceChoice =
  | { readonly generator: GeneratorName }
  /** The model in this folder, at so many steps. */
  | { readonly folder: string; readonly steps: number };

/** Which source is asked for. */
export interface SourceAsked {
  /** Of a model that is told the graph, or of a generator. */
  readonly model?: string;
  /** Of a model. */
  readonly steps?: number;
}

/** A model as far as it is asked for conformers. */
interface Entry {
  readonly name: string;
  readonly folder: string;
  readonly card: Pick<Card, "denoiser">;
}

/** The names that can be asked for: generators, and the models that are told the graph. */
export const sourceNames = (entries: readonly Entry[]): string[] => [
  ...GENERATORS,
  ...entries.filter(({ card }) => drawsConformers(card)).map(({ name }) => name),
];

/** What draws where nobody says; see {@link DEFAULT_SOURCE_WORDS}. */
export const defaultSource = (entries: readonly Entry[]): string =>
  entries.find(({ card }) => drawsConformers(card))?.name ?? DEFAULT_GENERATOR;

/**
 * The source of this name.
 *
 * @param entries models that there are
 * @throws ImpossibleOrderError where there is none of this name, or steps are asked of a generator
 */
export function chooseSource(
  entries: readonly Entry[],
  asked: SourceAsked,
): SourceChoice {
  const { model = defaultSource(entries), steps } = asked;
  if (isGenerator(model)) {
    if (steps !== undefined) {
      throw new ImpossibleOrderError(
        "steps",
        `steps must be absent where ${model} draws, which has none; got ${steps}`,
      );
    }
    return { generator: model };
  }
  const entry = entries.find(({ name, card }) => name === model && drawsConformers(card));
  if (entry) return { folder: entry.folder, steps: steps ?? DEFAULT_CONFORMER_STEPS };
  const known = sourceNames(entries).join(", ");
  throw new ImpossibleOrderError("model", `model must be one of ${known} for conformers; got ${model}`);
}

/** The sources of a worker, made when they are first asked for. */
export function createSources(open: (folder: string) => Promise<NetworkSources>) {
  const generators = new Map<GeneratorName, PositionSource>(), networks = new Map<string, Promise<NetworkSources>>();
  const generator = (name: GeneratorName) => {
    const made = generators.get(name) ?? createGenerator(name);
    generators.set(name, made);
    return made;
  };
  /** The source for a graph. @throws as `open` */
  return async (graph: MoleculeGraph, choice: SourceChoice): Promise<ChosenSource> => {
    if ("generator" in choice) return { source: generator(choice.generator) };
    const { folder, steps } = choice, opened = networks.get(folder) ?? open(folder);
    networks.set(folder, opened);
    opened.catch(() => networks.delete(folder));
    const source = (await opened).at(steps), why = source.refusal(graph);
    if (why === undefined) return { source };
    return { source: generator(DEFAULT_GENERATOR), insteadOf: { by: source.name, why } };
  };
}
