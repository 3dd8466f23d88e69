/** What a request for a round leaves open is filled in here, from the model's card. */
import { z } from "zod";
import { gridAtSteps } from "../diffusion/grids.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { strict } from "../diffusion/strict.ts";
import type { Card } from "../models/card.ts";
import { methodOf, methodsInWords } from "./methods/mod.ts";
import { learningRatesInWords, roundFault, type RoundSettings, roundSettings } from "./settings.ts";

/** How long a round may train, over all its starts. One is given at least. */
export interface Limits {
  readonly minutes?: number;
  readonly updates?: number;
}

/** The model cannot serve a round that is asked; `field` is at fault. */
export class ImpossibleRoundError extends RangeError {
  override readonly name = "ImpossibleRoundError";
  constructor(readonly field: string, message: string) {
    super(message);
  }
}

/** Minutes of a round that is given neither minutes nor updates. */
export const DEFAULT_MINUTES = 30;

/** A week: no round may be asked to train for longer. */
export const MOST_MINUTES = 7 * 24 * 60;

const { model, method, from, to, data, clamp, grid, variant, options, match, keep, learningRate, ...plain } =
  roundSettings.shape;

/** A request for a round. */
export const roundOrder = strict({
  model: model.default("qm9").describe(
    "The model that is taught from: its undistilled network, or its student at `from` steps",
  ),
  method: method.describe(methodsInWords(({ about }) => about)),
  variant: variant.removeDefault().optional().describe(
    "The sampler whose steps the student makes; the teacher's own where absent and where the method can have it, else the method's first. " +
      methodsInWords(({ variants }) => variants.join(" or ")),
  ),
  from: from.optional().describe(
    `The teacher's steps. Default, with that of \`to\`: ${methodsInWords((one) => one.stepsInWords)}`,
  ),
  to: to.optional().describe("The student's steps. Default: see `from`"),
  grid: grid.removeDefault().optional().describe(
    "Times of the student's steps; every second one of a teacher's that is itself distilled",
  ),
  options: options.describe("Options of the variant's sampler, as for POST /generate; in service, too"),
  data: data.describe("Of `finetune` the set to learn from: the id that POST /data gave"),
  match: match.describe("What of the student's estimates is matched, of `matching`"),
  keep: keep.describe(
    "Step counts that the student's network serves beside `to`: of progressive those that its teacher serves, of matching those of students in service, of flow-map halves of halves of `from`, of other methods that go there at once any",
  ),
  clamp: clamp.removeDefault().optional().describe("As for POST /generate; the teacher's own where absent, else 0"),
  learningRate: learningRate.describe(`Muon's; AdamW's is a tenth of it. Default: ${learningRatesInWords()}`),
  ...plain,
  minutes: z.number().positive().max(MOST_MINUTES).optional().describe("Most minutes of training"),
  updates: z.int().min(1).max(10_000_000).optional().describe(
    `Updates; of minutes and updates what comes first ends the round. Default: ${DEFAULT_MINUTES} minutes`,
  ),
}).meta({ id: "DistillRequest" });

/** A checked request for a round. */
export type RoundOrder = z.infer<typeof roundOrder>;

/** The smallest step count in service of a student that this method made, and that it can go on from. */
function smallestOf(card: Card, name: RoundSettings["method"]): number | undefined {
  const made = card.distilled.filter(({ variant, training }) => {
    const { method = "progressive" } = (training?.settings ?? {}) as Partial<RoundSettings>;
    return method === name && suits(card, name, variant);
  });
  return made.length === 0 ? undefined : Math.min(...made.map(({ steps }) => steps));
}

/** Whether a method can have this variant for this model. */
function suits({ coupling }: Card, name: RoundSettings["method"], variant: RoundSettings["variant"]): boolean {
  const method = methodOf(name);
  return method.variants.includes(variant) && !method.variantFault?.(variant, coupling);
}

/** How the card recommends to draw in so many steps, where the request says nothing of it and the method can have it. */
function recommendedAt({ recommended }: Card, asked: RoundOrder, steps: number) {
  const { variants } = methodOf(asked.method),
    plain = Object.keys(asked.options).length === 0 && !asked.variant && !asked.grid;
  const found = plain ? recommended.find((one) => one.steps === steps) : undefined;
  const variant = variants.find((one) => one === found?.sampler);
  return found && variant ? { variant, grid: found.grid, options: found.options, clamp: found.clamp } : undefined;
}

/** Half of a number of channels, as networks have them. */
const halfWidth = (width: number) => Math.max(16, Math.round(width / 32) * 16);

/**
 * The settings of a round, whole.
 *
 * @param taken names that a model which is made cannot take
 * @throws ImpossibleRoundError
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * import { readCard } from "../models/card.ts";
 *
 * const card = await readCard("weights/qm9");
 * const { settings, limits } = acceptRound(card, roundOrder.parse({ from: 16, minutes: 10 }));
 * assert.deepEqual([settings.method, settings.to, settings.variant, limits.minutes], ["progressive", 8, "ddim", 10]);
 * assert.throws(() => acceptRound(card, roundOrder.parse({ from: 16, to: 4 })), { name: "ImpossibleRoundError", field: "to" });
 * ```
 */
export function acceptRound(
  card: Card,
  asked: RoundOrder,
  taken: readonly string[] = [],
): { settings: RoundSettings; limits: Limits } {
  const { minutes, updates, ...rest } = asked, method = methodOf(asked.method);
  const { from, to } = method.steps({ from: asked.from, to: asked.to, smallest: smallestOf(card, asked.method) });
  const teacher = method.teacher === "student" ? card.distilled.find(({ steps }) => steps === from) : undefined;
  const ofTeacher = teacher && suits(card, asked.method, teacher.variant) ? teacher.variant : method.variants[0];
  const made = method.makes === "model" ? madeOf(card, asked, taken) : {};
  const as = method.takesData ? recommendedAt(card, asked, to) : undefined;
  const filled = {
    ...rest,
    options: as?.options ?? rest.options,
    from,
    to,
    variant: asked.variant ?? as?.variant ?? ofTeacher,
    clamp: asked.clamp ?? teacher?.clamp ?? as?.clamp ?? 0,
    ...made,
    guidance: asked.guidance ?? method.guidance?.always,
  };
  const own = teacher && ownGrid(card, teacher.grid, from, to);
  const settings = roundSettings.parse({ ...filled, grid: own ?? asked.grid ?? as?.grid });
  const fault = roundFault(settings, card);
  if (fault) throw new ImpossibleRoundError(fault.field, fault.message);
  if (own && asked.grid && JSON.stringify(asked.grid) !== JSON.stringify(own)) {
    throw new ImpossibleRoundError(
      "grid",
      `grid must be ${JSON.stringify(own)}, as the teacher at ${from} steps has ${JSON.stringify(teacher.grid)}; got ${
        JSON.stringify(asked.grid)
      }`,
    );
  }
  const limits = {
    ...(minutes !== undefined && { minutes }),
    ...(updates !== undefined && { updates }),
    ...(minutes === undefined && updates === undefined && { minutes: DEFAULT_MINUTES }),
  };
  return { settings, limits };
}

/** The grid that a teacher's makes of its student's, where the step counts are sound. */
const ownGrid = ({ schedule }: Card, grid: RoundSettings["grid"], from: number, to: number) =>
  to < from ? gridAtSteps(grid, from, to, makeSchedule(schedule)) : grid;

/** Name and size of a model that is made: half as wide and half as deep where not asked otherwise, unless it has its teacher's. */
function madeOf({ name: model, denoiser }: Card, asked: RoundOrder, taken: readonly string[]) {
  const width = asked.width ?? halfWidth(denoiser.width), blocks = asked.blocks ?? Math.ceil(denoiser.blocks / 2);
  const { keepsSize } = methodOf(asked.method);
  const name = asked.name ?? `${model}-${keepsSize ? asked.method : `${width}x${blocks}`}`.slice(0, 64);
  if (name === model || taken.includes(name)) {
    throw new ImpossibleRoundError("name", `name must be one that no model has; got ${name}`);
  }
  return keepsSize ? { name } : { width, blocks, name };
}
