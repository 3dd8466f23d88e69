/** Which sampler and grid serve a model best at a number of steps: measured on molecules that no published row uses. */
import { type Composition, type CompositionCounter, groupNames } from "../../chem/composition.ts";
import type { Rate, Summary } from "../../chem/metrics.ts";
import type { Molecule } from "../../chem/molecule.ts";
import { compareDistributions, createDistributions } from "../../chem/distributions.ts";
import type { Validate } from "../../chem/validator.ts";
import { type Card, cardPath, parseCard } from "../models/card.ts";
import type { Decoding } from "../diffusion/decodings.ts";
import type { Reference } from "./evaluate_reference.ts";
import type { GridSpec } from "../diffusion/grids.ts";
import type { Model } from "../models/load.ts";
import { acceptOrder } from "../generation/order.ts";
import { generateMolecules } from "../generation/pipeline.ts";
import type { SamplerName } from "../diffusion/samplers/mod.ts";
import { writeAtomically } from "../diffusion/files.ts";

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
  readonly count: number;
  readonly moleculeStability: Rate;
  readonly validity: Rate;
  readonly validUnique: Rate;
  readonly connected: Rate;
  /** Wasserstein distance of bond lengths (angstrom) and angles (degrees) from the test split's; null without a reference. */
  readonly bondLengths: number | null;
  readonly bondAngles: number | null;
  /** Of the valid molecules; null where nobody counted. */
  readonly composition: Composition | null;
  /** Mean distance of the square roots of the composition's shares from the test split's, 0 to 1; null without a reference that has one. */
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
  readonly validate: Validate;
  readonly reference?: Reference;
  readonly candidates?: readonly Candidate[];
  /** Makes a counter for each candidate, which is closed after it. */
  readonly openGroups?: () => CompositionCounter;
  /** Hears of the molecules that a candidate drew, before `onTried`. */
  readonly onDrawn?: (candidate: Candidate & { clamp: number }, molecules: readonly Molecule[]) => void | Promise<void>;
  readonly signal?: AbortSignal;
  readonly onTried?: (tried: Tried) => void;
}

/** Mean distance of the shares' square roots from those of the data: in these a rare group weighs as much as a common one. */
function groupDistance(found: Composition, data: Composition): number {
  return groupNames.reduce(
    (sum, name) => sum + Math.abs(Math.sqrt(found[name].value) - Math.sqrt(data[name].value)),
    0,
  ) / groupNames.length;
}

/** Points of molecule stability within which candidates count as equally stable: the noise of some 500 molecules. */
const EQUAL = 0.02;

/**
 * The candidate to recommend: of those nearly as stable as the most stable one, that whose composition is nearest to the data's.
 * Stability alone would choose what draws few kinds of simple molecules; so none is asked for beyond the data's own.
 *
 * @param data molecule stability of the data, where it is known
 */
export function choose(tried: readonly Tried[], data = 1): Tried {
  const best = Math.min(data, Math.max(...tried.map(({ moleculeStability }) => moleculeStability.value)));
  const stable = tried.filter(({ moleculeStability }) => moleculeStability.value >= best - EQUAL);
  const [first] = stable.sort((a, b) =>
    (a.groups ?? 0) - (b.groups ?? 0) || b.moleculeStability.value - a.moleculeStability.value
  );
  if (!first) throw new RangeError("candidates must be at least 1; got 0");
  return first;
}

/** Measures all candidates, most stable molecules first. */
export async function tune(model: Model, options: TuneOptions): Promise<Tried[]> {
  const { steps, count, seed, decoding, clamps = [0], validate, reference, openGroups, signal } = options;
  const { candidates = candidatesFor(model.card) } = options;
  const all: Tried[] = [];
  for (const [candidate, clamp] of candidates.flatMap((one) => clamps.map((clamp) => [one, clamp] as const))) {
    const request = acceptOrder(model.card, { count, steps, seed, decoding, clamp, ...candidate });
    const generation = generateMolecules(model, request, {
      validate,
      detail: { inchikey: false },
      signal,
      window: count,
    });
    const seen = createDistributions(), groups = openGroups?.(), molecules: Molecule[] = [];
    try {
      for await (const batch of generation.windows) {
        for (const { molecule, validation: { bonds, smiles } } of batch) {
          molecules.push(molecule);
          seen.add(molecule, bonds);
          if (smiles !== null) groups?.add(smiles);
        }
      }
      const summary: Summary = generation.summary(), composition = groups?.composition() ?? null;
      const distances = reference && compareDistributions(seen.distributions(), reference.statistics.distributions);
      const ofData = reference?.statistics.composition;
      const tried: Tried = {
        ...candidate,
        steps,
        clamp,
        count,
        moleculeStability: summary.moleculeStability,
        validity: summary.validity,
        validUnique: summary.validUnique,
        connected: summary.connected,
        bondLengths: distances?.bondLengths ?? null,
        bondAngles: distances?.bondAngles ?? null,
        composition,
        groups: composition && ofData ? groupDistance(composition, ofData) : null,
      };
      all.push(tried);
      await options.onDrawn?.({ ...candidate, clamp }, molecules);
      options.onTried?.(tried);
    } finally {
      groups?.close();
    }
  }
  return all.sort((a, b) => b.moleculeStability.value - a.moleculeStability.value);
}

/** Enters settings as a card's recommendation for their steps, in the place of an older one. */
export async function recommend(folder: string, { steps, sampler, grid, options, clamp }: Tried): Promise<void> {
  const path = cardPath(folder), card = JSON.parse(await Deno.readTextFile(path));
  const others = (card.recommended ?? []).filter((entry: { steps?: number }) => entry.steps !== steps);
  card.recommended = [...others, { steps, sampler, grid, options, clamp }].sort((a, b) => a.steps - b.steps);
  parseCard(card, path);
  await writeAtomically(path, new TextEncoder().encode(JSON.stringify(card, null, 2) + "\n"));
}
