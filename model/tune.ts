/** Which sampler and grid serve a model best at a number of steps: measured on molecules that no published row uses. */
import type { Rate, Summary } from "../chem/metrics.ts";
import { compareDistributions, createDistributions } from "../chem/distributions.ts";
import type { Validate } from "../chem/validator.ts";
import { cardPath, parseCard } from "./card.ts";
import type { Decoding } from "./decodings.ts";
import type { Reference } from "./evaluate_reference.ts";
import type { GridSpec } from "./grids.ts";
import type { Model } from "./load.ts";
import { acceptOrder } from "./order.ts";
import { generateMolecules } from "./pipeline.ts";
import type { SAMPLERS } from "./settings.ts";
import { writeAtomically } from "./training/checkpoint.ts";

/** A sampler with its grid and options. */
export interface Candidate {
  readonly sampler: typeof SAMPLERS[number];
  readonly grid: GridSpec;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What is tried: each sampler on grids from even steps to steps that crowd near the data. */
export const CANDIDATES: readonly Candidate[] = [
  ...[1, 1.5, 2].map((rho) => ({ sampler: "ddpm" as const, grid: powerOf(rho), options: {} })),
  ...[1, 1.5].map((rho) => ({ sampler: "ancestral" as const, grid: powerOf(rho), options: { gamma: 0.3 } })),
  ...[1, 2].map((rho) => ({ sampler: "ddim" as const, grid: powerOf(rho), options: { eta: 0 } })),
  ...[1.5, 2, 3].map((rho) => ({ sampler: "dpm-solver++" as const, grid: powerOf(rho), options: { order: 2 } })),
  ...[1, 1.5, 2, 3].map((rho) => ({ sampler: "consistency" as const, grid: powerOf(rho), options: {} })),
];

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
  readonly signal?: AbortSignal;
  readonly onTried?: (tried: Tried) => void;
}

/** Measures all candidates, most stable molecules first. */
export async function tune(model: Model, options: TuneOptions): Promise<Tried[]> {
  const { steps, count, seed, decoding, clamps = [0], validate, reference, signal, onTried } = options;
  const { candidates = CANDIDATES } = options;
  const all: Tried[] = [];
  for (const [candidate, clamp] of candidates.flatMap((one) => clamps.map((clamp) => [one, clamp] as const))) {
    const request = acceptOrder(model.card, { count, steps, seed, decoding, clamp, ...candidate });
    const generation = generateMolecules(model, request, {
      validate,
      detail: { inchikey: false },
      signal,
      window: count,
    });
    const seen = createDistributions();
    for await (const batch of generation.windows) {
      for (const { molecule, validation } of batch) seen.add(molecule, validation.bonds);
    }
    const summary: Summary = generation.summary();
    const distances = reference && compareDistributions(seen.distributions(), reference.statistics.distributions);
    const tried = {
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
    };
    all.push(tried);
    onTried?.(tried);
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
