/** Enters an evaluation in a model's card, and reads the entries back. */
import { z } from "zod";
import { type Card, cardPath, parseCard, writeCard } from "../models/card.ts";
import type { Evaluation } from "./evaluate.ts";

const rate = z.object({ value: z.number(), low: z.number(), high: z.number(), n: z.number() });

const estimate = z.looseObject({ value: z.number() });

/** What the tables read of an entry of a card's `evaluation`; the rest is kept as it is. */
export const evaluationEntry = z.looseObject({
  settings: z.looseObject({
    steps: z.int(),
    sampler: z.string(),
    grid: z.looseObject({ type: z.string() }).optional(),
    options: z.record(z.string(), z.unknown()).optional(),
    decoding: z.string().optional(),
    clamp: z.number().optional(),
    autoguidance: z.number().optional(),
    seed: z.int(),
    count: z.int(),
    backend: z.string().optional(),
  }),
  metrics: z.looseObject({
    validity: rate,
    moleculeStability: rate,
    atomStability: rate,
    uniqueness: rate,
    validUnique: rate,
    connected: rate,
    novelty: rate.optional(),
  }),
  /** Wasserstein distances from the test split: bond lengths in angstrom, angles in degrees. */
  distances: z.looseObject({ bondLengths: z.number().nullish(), bondAngles: z.number().nullish() }).optional(),
  composition: z.record(z.string(), rate).optional(),
  /** What the judge found: rates of `JudgeSummary`, and distances of `JudgeDistances`. Entries of before it lack both. */
  judge: z.looseObject({
    sound: rate,
    twistedAlkenes: rate,
    strain: z.looseObject({ before: z.looseObject({ median: estimate, ninety: estimate }) }).optional(),
  }).optional(),
  judgeDistances: z.looseObject({ groups: estimate }).optional(),
  memorisation: z.looseObject({
    ratio: z.looseObject({ value: z.number(), low: z.number(), high: z.number() }).nullable(),
  }).optional(),
  moleculesPerSecond: z.number(),
});

/** An entry of a card's `evaluation`. */
export type EvaluationEntry = z.infer<typeof evaluationEntry>;

/** The entries of a card that have the form that `recordEvaluation` writes. */
export function evaluationsOf(card: Pick<Card, "evaluation">): EvaluationEntry[] {
  return card.evaluation.flatMap((entry) => {
    const result = evaluationEntry.safeParse(entry);
    return result.success ? [result.data] : [];
  });
}

/** What two evaluations must share for one to take the other's place. */
const key = (entry: unknown): string => {
  const result = evaluationEntry.safeParse(entry);
  if (!result.success) return "";
  const { steps, sampler, grid, options, decoding, clamp, autoguidance, count } = result.data.settings;
  return JSON.stringify([steps, sampler, grid, options, decoding, clamp ?? 0, autoguidance ?? 1, count]);
};

/** Numbers to six significant digits: a card is read by people too. */
const brief = (_: string, value: unknown) => typeof value === "number" ? Number(value.toPrecision(6)) : value;

/**
 * Writes an evaluation into the card of a folder; an older one of the same settings and count is replaced. The card is
 * replaced at once, so that a reader sees the old or the new one.
 *
 * @throws TypeError where the card is unsound
 */
export async function recordEvaluation(folder: string, evaluation: Evaluation): Promise<void> {
  const { examples: _, data: __, distances, judge, ...rest } = evaluation;
  // Of the distances the totals alone: the lists of single kinds of bonds and angles are in the evaluation's own file.
  const totals = Object.fromEntries(Object.entries(distances ?? {}).filter(([, value]) => !Array.isArray(value)));
  const { descriptors: ___, ...shares } = judge ?? {};
  const entry = { ...rest, ...(distances && { distances: totals }), ...(judge && { judge: shares }) };
  const path = cardPath(folder), card = JSON.parse(await Deno.readTextFile(path));
  parseCard(card, path);
  const fresh = JSON.parse(JSON.stringify(entry, brief));
  fresh.settings.seed = entry.settings.seed; // all its digits
  const others = (card.evaluation ?? []).filter((other: unknown) => key(other) !== key(fresh));
  card.evaluation = [...others, fresh].sort((a, b) => (a.settings?.steps ?? 0) - (b.settings?.steps ?? 0));
  await writeCard(path, card);
}
