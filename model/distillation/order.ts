/** What a request for a round leaves open is filled in here, from the model's card. */
import { z } from "zod";
import { strict } from "../diffusion/strict.ts";
import type { Card } from "../models/card.ts";
import {
  gridFault,
  halved,
  keepFault,
  type RoundSettings,
  roundSettings,
  variantFault,
  variantOf,
} from "./settings.ts";
import { gridAtSteps } from "../diffusion/grids.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { startless } from "../diffusion/grids.ts";

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

/** Steps that a first round begins at, of a model without students, and those at which `knowledge` is judged. */
export const FIRST_STEPS = 128, KNOWLEDGE_STEPS = 32;

/** Minutes of a round that is given neither minutes nor updates. */
export const DEFAULT_MINUTES = 30;

/** A week: no round may be asked to train for longer. */
export const MOST_MINUTES = 7 * 24 * 60;

const { model, method, from, to, clamp, grid, variant, keep, ...plain } = roundSettings.shape;

/** A request for a round. */
export const roundOrder = strict({
  model: model.default("qm9").describe("The model whose steps are halved; the teacher is its student at `from` steps"),
  method: method.describe(
    "progressive: half the steps. moments: any number of steps. knowledge: a smaller network, as a model of its own",
  ),
  variant: variant.removeDefault().optional().describe(
    "Whose steps the student makes; the teacher's own where absent and where the method can have it, else ddim (moments: ddpm)",
  ),
  from: from.optional().describe(
    `The teacher's steps. Default: the smallest step count in service that a progressive round made; ${FIRST_STEPS} of the ` +
      `undistilled network where there is none, and for moments; ${KNOWLEDGE_STEPS} for knowledge`,
  ),
  to: to.optional().describe(
    "The student's steps. Default: half, rounded up, which for progressive is the only one; for knowledge as many as from",
  ),
  grid: grid.removeDefault().optional().describe(
    "Times of the student's steps; every second one of a teacher's that is itself distilled",
  ),
  keep: keep.describe(
    "Step counts that the student's network serves beside `to`: of progressive those that its teacher serves, of moments any",
  ),
  clamp: clamp.removeDefault().optional().describe("As for POST /generate; the teacher's own where absent, else 0"),
  ...plain,
  minutes: z.number().positive().max(MOST_MINUTES).optional().describe("Most minutes of training"),
  updates: z.int().min(1).max(10_000_000).optional().describe(
    `Updates; of minutes and updates what comes first ends the round. Default: ${DEFAULT_MINUTES} minutes`,
  ),
}).meta({ id: "DistillRequest" });

/** A checked request for a round. */
export type RoundOrder = z.infer<typeof roundOrder>;

/** Whether a progressive round made this student, so that another can go on from it. */
const isProgressive = ({ variant, training }: Card["distilled"][number], coupling: Card["coupling"]): boolean => {
  const { method = "progressive" } = (training?.settings ?? {}) as Partial<RoundSettings>;
  return method === "progressive" && !variantFault({ method, variant }, coupling);
};

/** Half of a number of channels, as networks have them. */
const halfWidth = (width: number) => Math.max(16, Math.round(width / 32) * 16);

/**
 * The settings of a round, whole.
 *
 * @param taken names that a model of `knowledge` cannot take
 * @throws ImpossibleRoundError
 */
export function acceptRound(
  card: Card,
  asked: RoundOrder,
  taken: readonly string[] = [],
): { settings: RoundSettings; limits: Limits } {
  const { minutes, updates, method, ...rest } = asked;
  const halvable = card.distilled.filter((student) => isProgressive(student, card.coupling));
  const smallest = Math.min(...halvable.map(({ steps }) => steps));
  const first = method === "progressive" && Number.isFinite(smallest) ? smallest : FIRST_STEPS;
  const from = asked.from ?? (method === "knowledge" ? asked.to ?? KNOWLEDGE_STEPS : first);
  const to = asked.to ?? (method === "knowledge" ? from : halved(from));
  if (method === "progressive" && from === 1) {
    throw new ImpossibleRoundError("from", `${card.name} at 1 step cannot be halved`);
  }
  if (method === "progressive" && to !== halved(from)) {
    throw new ImpossibleRoundError(
      "to",
      `a progressive round from ${from} steps goes to ${halved(from)}, not to ${to}`,
    );
  }
  if (method === "knowledge" && to !== from) {
    throw new ImpossibleRoundError("to", `knowledge keeps the number of steps: ${from} asked from, ${to} to`);
  }
  if (method === "moments" && to >= from) {
    throw new ImpossibleRoundError("to", `a student of moments takes fewer steps than ${from}, not ${to}`);
  }
  const teacher = method === "progressive" ? card.distilled.find(({ steps }) => steps === from) : undefined;
  const own = teacher && gridAtSteps(teacher.grid, from, to, makeSchedule(card.schedule));
  if (own && asked.grid && JSON.stringify(asked.grid) !== JSON.stringify(own)) {
    throw new ImpossibleRoundError(
      "grid",
      `the teacher at ${from} steps has the grid ${JSON.stringify(teacher.grid)}, so its student's is ${
        JSON.stringify(own)
      }`,
    );
  }
  const startFault = asked.grid && startless(asked.grid, card);
  if (startFault) throw new ImpossibleRoundError("grid", startFault);
  const ofTeacher = teacher && !variantFault({ method, variant: teacher.variant }, card.coupling) && teacher.variant;
  const variant = asked.variant ?? (ofTeacher || variantOf(method));
  const variantWrong = variantFault({ method, variant }, card.coupling);
  if (variantWrong) throw new ImpossibleRoundError("variant", variantWrong);
  const clamp = asked.clamp ?? teacher?.clamp ?? 0;
  if (clamp > 0 && card.autoencoder.type !== "heavy-atom") {
    throw new ImpossibleRoundError("clamp", `${card.name} has no bond orders to clamp`);
  }
  const size = method === "knowledge" ? smaller(card, asked, taken) : {};
  for (const field of ["width", "blocks", "name"] as const) {
    if (method !== "knowledge" && asked[field] !== undefined) {
      throw new ImpossibleRoundError(field, `${field} is for knowledge: a student of ${method} has its teacher's size`);
    }
  }
  const settings = roundSettings.parse({
    ...rest,
    method,
    variant,
    from,
    to,
    clamp,
    grid: own ?? asked.grid,
    ...size,
  });
  const keepWrong = keepFault(settings, card.distilled.map(({ steps }) => steps));
  if (keepWrong) throw new ImpossibleRoundError("keep", keepWrong);
  const gridWrong = gridFault(settings, makeSchedule(card.schedule));
  if (gridWrong) throw new ImpossibleRoundError("grid", gridWrong);
  const limits = {
    ...(minutes !== undefined && { minutes }),
    ...(updates !== undefined && { updates }),
    ...(minutes === undefined && updates === undefined && { minutes: DEFAULT_MINUTES }),
  };
  return { settings, limits };
}

/** Size and name of the model that `knowledge` makes: half as wide and half as deep where not asked otherwise. */
function smaller({ name: model, denoiser }: Card, asked: RoundOrder, taken: readonly string[]) {
  const width = asked.width ?? halfWidth(denoiser.width), blocks = asked.blocks ?? Math.ceil(denoiser.blocks / 2);
  const name = asked.name ?? `${model}-${width}x${blocks}`.slice(0, 64);
  if (name === model || taken.includes(name)) {
    throw new ImpossibleRoundError("name", `a name that no model has asked, ${name} given`);
  }
  return { width, blocks, name };
}
