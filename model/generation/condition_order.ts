/** Properties as requests ask for them, checked against a card. */
import { z } from "zod";
import { PROPERTIES, PROPERTY_NAMES, type PropertyName } from "../../chem/properties.ts";
import type { FixedCondition } from "../diffusion/condition.ts";
import type { SamplerChoice } from "../diffusion/samplers/mod.ts";
import { strict } from "../diffusion/strict.ts";
import type { Card } from "../models/card.ts";
import { autoguidanceFor, type Settings, studentFor } from "../models/settings.ts";
import { conditionsOf, scalesOf } from "../models/told.ts";
import { studentOf } from "../models/weights.ts";
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

/** The keys by which every request asks for properties. */
export const conditionKeys = {
  condition: conditionAsked.optional().describe(
    "Properties that the molecules are to have, of a model whose card names them (`denoiser.conditions`); warned of outside of its training data, refused far beyond it " +
      "(docs/conditions.md)",
  ),
  guidance: guidanceAsked.optional().describe(
    "How far each estimate is guided from the one without `condition` to the one with it, and beyond above 1; needs `condition`. Default 1; all but 0 and 1 take twice the calls, but of weights that are told how far (`guidance` in the card), which take one and no scales beyond theirs",
  ),
};

/** See {@link conditionKeys}. */
export type ConditionKeys = { readonly [key in keyof typeof conditionKeys]?: z.infer<typeof conditionKeys[key]> };

/** Whether guidance has a condition to guide to, and what is said where it has none: the arguments of a schema's `refine`. */
export const guidedSomewhere = [
  ({ condition, guidance }: ConditionKeys) => guidance === undefined || condition !== undefined,
  { error: "must come with condition", path: ["guidance"] },
] as [(asked: ConditionKeys) => boolean, { error: string; path: string[] }];

/** What is said of molecules that were asked to have properties. */
export const conditionTold = {
  condition: conditionAsked.optional().describe("Properties that the molecules were to have"),
  guidance: guidanceAsked.optional().describe("How far they were guided there; with `condition`"),
};

/** What is said of what is odd about a request. */
export const warningsTold = z.array(z.string()).optional().describe(
  "What is odd about the request, such as properties outside of the model's training data; absent where there is nothing",
);

/** What the network is told. */
export const conditionDraw = (
  { condition: properties, guidance }: ConditionKeys,
): Pick<FixedCondition, "properties" | "guidance"> | undefined =>
  properties && { properties, ...guidance !== undefined && { guidance } };

/** A property that a model cannot be asked for, or is not asked for and must be; `field` is the part of a request at fault. */
export class ImpossibleConditionError extends RangeError {
  override readonly name = "ImpossibleConditionError";
  constructor(readonly field: string, message: string) {
    super(message);
  }
}

/** Whether a card's model must be told all of its properties: EDM's and GeoLDM's networks have no word for one that is unknown. */
export const needsCondition = (card: Pick<Card, "denoiser">): boolean =>
  card.denoiser.type === "egnn" && conditionsOf(card).length > 0;

/** What a model that must be told is told where nobody asks for molecules, as in a trial: the middles of ranges. */
export const trialCondition = (card: Pick<Card, "denoiser">): ConditionAsked | undefined =>
  needsCondition(card)
    ? Object.fromEntries(conditionsOf(card).map(({ name, range: [least, most] }) => [name, (least + most) / 2]))
    : undefined;

/**
 * Checks what a request asks for, or does not, against what a card's model was told of.
 *
 * @returns warnings: of values that lie outside of its training data
 * @throws ImpossibleConditionError for a model that is not told them, or must be told others or with other guidance; for a value more than 3 ranges of the
 * data beyond them; for guidance to nothing
 */
export function checkConditions(keys: ConditionKeys, card: Pick<Card, "name" | "denoiser">): string[] {
  const { condition, guidance } = keys;
  if (!condition && guidance !== undefined) {
    throw new ImpossibleConditionError("guidance", "guidance must come with condition");
  }
  const warnings = condition ? checkValues(condition, card) : [];
  if (needsCondition(card)) checkAll(keys, card);
  return warnings;
}

/** Of a model that must be told: whether it is told all, and not guided. */
function checkAll({ condition = {}, guidance = 1 }: ConditionKeys, card: Pick<Card, "name" | "denoiser">): void {
  const names = conditionsOf(card).map(({ name }) => name);
  if (names.some((name) => condition[name] === undefined)) {
    const given = Object.keys(condition).join(", ") || "none";
    const message = `condition must have ${names.join(", ")}, which model ${card.name} must be told; got ${given}`;
    throw new ImpossibleConditionError("condition", message);
  }
  if (guidance !== 1) {
    const message = `guidance must be 1: model ${card.name} has no estimate without properties; got ${guidance}`;
    throw new ImpossibleConditionError("guidance", message);
  }
}

/** What {@link checkConditions} checks of the values. */
function checkValues(asked: ConditionAsked, card: Pick<Card, "name" | "denoiser">): string[] {
  const known = conditionsOf(card), names = known.map(({ name }) => name);
  if (known.length === 0) {
    throw new ImpossibleConditionError(
      "condition",
      `model ${card.name} is told no properties: condition must be absent`,
    );
  }
  return (Object.entries(asked) as [PropertyName, number | undefined][]).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const entry = known.find((one) => one.name === name);
    if (!entry) {
      throw new ImpossibleConditionError(
        `condition/${name}`,
        `${name} must be absent: model ${card.name} is told ${names.join(", ")}`,
      );
    }
    const [least, most] = entry.range,
      room = BEYOND * (most - least),
      [from, to] = [least - room, most + room].map(short);
    if (value < from || value > to) {
      throw new ImpossibleConditionError(
        `condition/${name}`,
        `${name} must be ${from} to ${to} ${entry.unit}; got ${value}`,
      );
    }
    if (value >= least && value <= most) return [];
    return [`${name} ${value} lies outside of the training data, ${least} to ${most} ${entry.unit}`];
  });
}

/**
 * Checks properties, and how far to be guided to them, for the weights that serve a request.
 *
 * @returns warnings, as {@link checkConditions}
 * @throws ImpossibleConditionError as {@link checkConditions}, for students that are told none, and for a scale that the weights were not told
 */
export function checkGuided(
  keys: ConditionKeys,
  card: Pick<Card, "name" | "denoiser" | "distilled">,
  settings: Pick<Settings, "sampler" | "steps">,
): string[] {
  const warnings = checkConditions(keys, card), { condition, guidance = 1 } = keys;
  if (!condition) return warnings;
  const student = studentOf(card, settings), scales = scalesOf(card, student);
  if (student && !student.conditions) {
    const message =
      `weights distilled to ${settings.steps} steps are told no properties; name another sampler to give a condition`;
    throw new ImpossibleConditionError("condition", message);
  }
  if (scales && (guidance < scales.first || guidance > scales.last)) {
    const message = `guidance must be ${scales.first} to ${scales.last}, as these weights are told it; got ${guidance}`;
    throw new ImpossibleConditionError("guidance", message);
  }
  return warnings;
}

/** Calls that a step of an order takes: two where an estimate is guided from two, one where the weights are told how far. */
export function callsOfGuidance(
  { condition: properties, guidance, steps, sampler, autoguidance }: ConditionKeys & {
    readonly steps: number;
    readonly sampler?: SamplerChoice;
    readonly autoguidance?: number;
  },
  card: Pick<Card, "denoiser" | "distilled" | "recommended">,
): number {
  const told = scalesOf(card, studentFor(card, steps, sampler)) !== undefined;
  const guided = (!told && guidanceOf({ properties, guidance })) ||
    autoguidanceFor(card, { steps, sampler, autoguidance });
  return guided ? 2 : 1;
}

const short = (value: number) => Number(value.toPrecision(4));
