/** Which sampler and grid serve a model best at a number of steps: measured on molecules that no published row uses. */
import type { Composition } from "../../chem/composition.ts";
import { createJudgeSummary, meanDifference } from "../../chem/judge/summary.ts";
import type { Summary } from "../../chem/metrics.ts";
import type { Rate } from "../../chem/rate.ts";
import type { Molecule } from "../../chem/molecule.ts";
import { compareDistributions, createDistributions } from "../../chem/distributions.ts";
import type { Validate } from "../../chem/validator.ts";
import type { BatchValidator } from "../../chem/validator_pool.ts";
import { type Card, cardPath, writeCard } from "../models/card.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import type { Reference } from "./evaluate_reference.ts";
import type { GridSpec } from "../diffusion/grids.ts";
import type { Model } from "../models/load.ts";
import { acceptOrder } from "../generation/order.ts";
import { generateMolecules } from "../generation/pipeline.ts";
import type { SamplerName } from "../diffusion/samplers/mod.ts";

/** A sampler with its grid and options. */
export interface Candidate {
  readonly sampler: SamplerName;
  readonly grid: GridSpec;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Starts matched to the data, with steps even in log-SNR from there to some ends. */
const MATCHED: readonly GridSpec[] = [-1, 0, 0.5, 1].flatMap((logSnr) =>
  [5, 6, 7, 8].map((last): GridSpec => ({ type: "logSnr", start: { logSnr, spread: 1 }, last }))
);

/** What is tried: each sampler on grids from even steps to steps that crowd near the data. */
const FROM_NOISE: readonly Candidate[] = [
  ...[1, 1.5, 2].map((rho) => ({ sampler: "ddpm" as const, grid: powerOf(rho), options: {} })),
  ...[1, 1.5].map((rho) => ({ sampler: "ancestral" as const, grid: powerOf(rho), options: { gamma: 0.3 } })),
  ...[1, 2].map((rho) => ({ sampler: "ddim" as const, grid: powerOf(rho), options: { eta: 0 } })),
  ...[1.5, 2, 3].map((rho) => ({ sampler: "dpm-solver++" as const, grid: powerOf(rho), options: { order: 2 } })),
  ...[1, 1.5, 2, 3].map((rho) => ({ sampler: "consistency" as const, grid: powerOf(rho), options: {} })),
];

/** What is tried for a model: those that begin at noise alone and, where its card has `latents`, those matched to the data. */
export function candidatesFor({ latents }: Pick<Card, "latents">): readonly Candidate[] {
  if (!latents) return FROM_NOISE;
  const matched = (sampler: Candidate["sampler"], options: Candidate["options"] = {}) =>
    MATCHED.map((grid) => ({ sampler, grid, options }));
  return [
    ...FROM_NOISE,
    ...matched("consistency"),
    ...matched("consistency", { after: 2 }),
    ...matched("consistency", { after: 3 }),
    ...matched("consistency", { after: 2, gamma: 1 }),
    ...matched("consistency", { after: 3, gamma: 1 }),
    ...matched("ddpm"),
    ...matched("dpm-solver++", { order: 2 }),
  ];
}

function powerOf(rho: number): GridSpec {
  return rho === 1 ? { type: "uniform" } : { type: "power", rho };
}

/** A candidate measured. */
export interface Tried extends Candidate {
  readonly steps: number;
  readonly clamp: number;
  /** 1: not guided. */
  readonly autoguidance: number;
  readonly count: number;
  readonly moleculeStability: Rate;
  readonly validity: Rate;
  readonly validUnique: Rate;
  readonly connected: Rate;
  /** Wasserstein distance of bond lengths (angstrom) and angles (degrees) from the test split's; null without a reference. */
  readonly bondLengths: number | null;
  readonly bondAngles: number | null;
  /** Of the valid molecules. */
  readonly composition: Composition;
  /** Sound molecules among the valid and connected, and those with a twisted C=C among those that have one. */
  readonly sound: Rate;
  readonly twistedAlkenes: Rate;
  /** Mean difference of the composition's shares from the test split's, 0 to 1; null without a reference that has one. */
  readonly groups: number | null;
}

/** What is drawn for each candidate. */
export interface TuneOptions {
  readonly steps: number;
  readonly count: number;
  /** Another than published rows have: what is chosen must not be judged on the numbers that chose it. */
  readonly seed: number;
  readonly decoding: Decoding;
  /** Times below which estimates are clamped, each tried with each candidate. Default: 0 alone, never. */
  readonly clamps?: readonly number[];
  /** How far estimates are guided from those of the network's weaker self, each tried with each of those. Default: 1 alone, not at all. */
  readonly autoguidances?: readonly number[];
  readonly validate: Validate | BatchValidator;
  readonly reference?: Reference;
  readonly candidates?: readonly Candidate[];
  /** Hears of the molecules that a candidate drew, before `onTried`. */
  readonly onDrawn?: (
    candidate: Candidate & Pick<Tried, "clamp" | "autoguidance">,
    molecules: readonly Molecule[],
  ) => void | Promise<void>;
  readonly signal?: AbortSignal;
  readonly onTried?: (tried: Tried) => void;
}

/** Measures all candidates, most stable molecules first. */
export async function tune(model: Model, options: TuneOptions): Promise<Tried[]> {
  const { steps, count, seed, decoding, clamps = [0], autoguidances = [1], validate, reference, signal } = options;
  const { candidates = candidatesFor(model.card) } = options;
  const all: Tried[] = [];
  const tries = candidates.flatMap((candidate) =>
    clamps.flatMap((clamp) => autoguidances.map((autoguidance) => ({ ...candidate, clamp, autoguidance })))
  );
  for (const candidate of tries) {
    const request = acceptOrder(model.card, { count, steps, seed, decoding, ...candidate });
    const generation = generateMolecules(model, request, {
      validate,
      detail: { inchikey: false, judge: true },
      signal,
      window: count,
    });
    const seen = createDistributions(), judged = createJudgeSummary(reference), molecules: Molecule[] = [];
    for await (const batch of generation.windows) {
      for (const { molecule, validation } of batch) {
        molecules.push(molecule);
        seen.add(molecule, validation.bonds);
        judged.add({ validation });
      }
    }
    const summary: Summary = generation.summary(), composition = judged.composition();
    const { soundOfConnected: sound, twistedAlkenes } = judged.summary();
    const distances = reference && compareDistributions(seen.distributions(), reference.statistics.distributions);
    const ofData = reference?.statistics.composition;
    const tried: Tried = {
      ...candidate,
      steps,
      count,
      moleculeStability: summary.moleculeStability,
      validity: summary.validity,
      validUnique: summary.validUnique,
      connected: summary.connected,
      bondLengths: distances?.bondLengths ?? null,
      bondAngles: distances?.bondAngles ?? null,
      composition,
      sound,
      twistedAlkenes,
      groups: ofData ? meanDifference(composition, ofData) : null,
    };
    all.push(tried);
    await options.onDrawn?.(candidate, molecules);
    options.onTried?.(tried);
  }
  return all.sort((a, b) => b.moleculeStability.value - a.moleculeStability.value);
}

/** Enters settings as a card's recommendation for their steps, in the place of an older one. */
export async function recommend(
  folder: string,
  { steps, sampler, grid, options, clamp, autoguidance }: Tried,
): Promise<void> {
  const path = cardPath(folder), card = JSON.parse(await Deno.readTextFile(path));
  const others = (card.recommended ?? []).filter((entry: { steps?: number }) => entry.steps !== steps);
  const chosen = { steps, sampler, grid, options, clamp, ...autoguidance !== 1 && { autoguidance } };
  card.recommended = [...others, chosen].sort((a, b) => a.steps - b.steps);
  await writeCard(path, card);
}
