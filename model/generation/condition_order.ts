/** Properties as requests ask for them, checked against a card. */
import { z } from "zod";
import { PROPERTIES, PROPERTY_NAMES, type PropertyName } from "../../chem/properties.ts";
import type { SamplerChoice } from "../diffusion/samplers/mod.ts";
import { strict } from "../diffusion/strict.ts";
import type { Card } from "../models/card.ts";
import { type Settings, studentFor } from "../models/settings.ts";
import { studentOf } from "../models/weights.ts";
import { conditionsOf, scalesOf } from "../models/told.ts";
import { guidanceOf } from "../networks/heavy_atom/guide.ts";
import { GUIDANCE_MAX } from "../networks/pair_attention/scale.ts";

/** Ranges of the training data by which a value may lie beyond them. */
const BEYOND = 3;

/** Properties asked, each absent where it is anything. */
export const conditionAsked = strict(
  Object.fromEntries(
    PROPERTY_NAMES.map((name) => [
      name,
      z.number().optional().describe(`The ${PROPERTIES[name].label}, ${PROPERTIES[name].unit}`),
    ]),
  ) as Record<PropertyName, z.ZodOptional<z.ZodNumber>>,
).refine((asked) => Object.keys(asked).length > 0, { error: `must have at least one of ${PROPERTY_NAMES.join(", ")}` });

/** See {@link conditionAsked}. */
export type ConditionAsked = z.infer<typeof conditionAsked>;

/** How far estimates are guided. */
export const guidanceAsked = z.number().min(0).max(GUIDANCE_MAX);

/** A property that a model cannot be asked for; `field` is its name, or empty where it can be asked for none. */
export class ImpossibleConditionError extends RangeError {
  override readonly name = "ImpossibleConditionError";
  constructor(readonly field: string, message: string) {
    super(message);
  }
}

/** A guidance scale that these weights are not told. */
export class ImpossibleGuidanceError extends RangeError {
  override readonly name = "ImpossibleGuidanceError";
}

/**
 * Checks properties against what a card's model was told of.
 *
 * @returns warnings: of values that lie outside of its training data
 * @throws ImpossibleConditionError for a model that is not told them, or a value more than 3 ranges of the data beyond them
 */
export function checkConditions(asked: ConditionAsked, card: Pick<Card, "name" | "denoiser">): string[] {
  const known = conditionsOf(card), names = known.map(({ name }) => name);
  if (known.length === 0) {
    throw new ImpossibleConditionError("", `model ${card.name} is told no properties: condition must be absent`);
  }
  return (Object.entries(asked) as [PropertyName, number | undefined][]).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const entry = known.find((one) => one.name === name);
    if (!entry) {
      throw new ImpossibleConditionError(
        name,
        `${name} must be absent: model ${card.name} is told ${names.join(", ")}`,
      );
    }
    const [least, most] = entry.range,
      room = BEYOND * (most - least),
      [from, to] = [least - room, most + room].map(short);
    if (value < from || value > to) {
      throw new ImpossibleConditionError(name, `${name} must be ${from} to ${to} ${entry.unit}; got ${value}`);
    }
    if (value >= least && value <= most) return [];
    return [`${name} ${value} lies outside of the training data, ${least} to ${most} ${entry.unit}`];
  });
}

/**
 * Checks properties, and how far to be guided to them, for the weights that serve a request.
 *
 * @returns warnings, as {@link checkConditions}
 * @throws ImpossibleConditionError as {@link checkConditions}, for students that are told none; ImpossibleGuidanceError for a scale that the weights were not told
 */
export function checkGuided(
  { condition, guidance = 1 }: { readonly condition: ConditionAsked; readonly guidance?: number },
  card: Pick<Card, "name" | "denoiser" | "distilled">,
  settings: Pick<Settings, "sampler" | "steps">,
): string[] {
  const warnings = checkConditions(condition, card), student = studentOf(card, settings);
  if (student && !student.conditions) {
    const message =
      `weights distilled to ${settings.steps} steps are told no properties; name another sampler to give a condition`;
    throw new ImpossibleConditionError("", message);
  }
  const scales = scalesOf(card, student);
  if (scales && (guidance < scales.first || guidance > scales.last)) {
    const message = `guidance must be ${scales.first} to ${scales.last}, as these weights are told it; got ${guidance}`;
    throw new ImpossibleGuidanceError(message);
  }
  return warnings;
}

/** Calls that a step of an order takes: two where an estimate is guided from two, one where the weights are told how far. */
export function callsOfGuidance(
  { condition: properties, guidance, steps, sampler }: {
    readonly condition?: ConditionAsked;
    readonly guidance?: number;
    readonly steps: number;
    readonly sampler?: SamplerChoice;
  },
  card: Pick<Card, "denoiser" | "distilled">,
): number {
  const told = scalesOf(card, studentFor(card, steps, sampler)) !== undefined;
  return !told && guidanceOf({ properties, guidance }) ? 2 : 1;
}

const short = (value: number) => Number(value.toPrecision(4));
