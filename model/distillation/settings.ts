/** What a round of distillation is told, checked once: from the command line, from POST /distill, in a job's folder. */
import { z } from "zod";
import { gridAtSteps, gridSpec, makeGrid, startless } from "../diffusion/grids.ts";
import { parseSamplerOptions, VARIANTS } from "../diffusion/samplers/mod.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { strict } from "../diffusion/strict.ts";
import { needsCondition } from "../generation/condition_order.ts";
import type { Card } from "../models/card.ts";
import { PRECISION_CHOICES, precisionsInWords } from "../engines/runtimes.ts";
import { hasWeaker } from "../models/told.ts";
import { autoguidanceSpec } from "../networks/heavy_atom/autoguide.ts";
import { BOUNDARIES } from "./consistency_learner.ts";
import { ALPHAS, alphasInWords, DIVERGENCES, divergencesInWords } from "./divergences.ts";
import { GUIDANCE_MAX, scaleRange } from "../networks/pair_attention/scale.ts";
import { faultOfTold } from "./told.ts";
import type { AnyMethod, Fault } from "./methods/method.ts";
import { methodOf, METHODS, methodsInWords, methodsWith } from "./methods/mod.ts";
import { SOLVERS } from "./solvers.ts";

/** A name of a model. */
export const modelName = z.string().regex(
  /^[a-z0-9][a-z0-9._-]{0,63}$/,
  "must be lower-case letters, digits, '.', '_' and '-', at most 64",
);

/** Methods that are told how many steps to skip. */
const SKIPPERS = methodsWith(({ takesSkip }) => takesSkip);

/** Methods that can tell their students how far to be guided. */
const GUIDERS = methodsWith(({ guidance }) => guidance !== undefined);

/** What solvers methods have. */
const solversInWords = (): string =>
  METHODS.flatMap((name) => {
    const { solvers } = methodOf(name);
    return solvers ? [`${name}: ${solvers.join(", ")}`] : [];
  }).join(". ");

/** A step count that can be distilled from or to. */
const steps = z.int().min(1).max(1000);

/** With whose weights a student may begin. */
export const BEGINNINGS = ["teacher", "student"] as const;

/** What of the student's estimates is matched, of distribution matching, at one number of steps. */
const matchOne = {
  classes: z.number().min(0).max(1).default(0).describe(
    "share of matching in the gradient of classes and bond orders; the rest keeps to what the student began as",
  ),
  from: z.number().optional().describe(
    "log-SNR from which on estimates are matched, in steps to it and beyond; before it they keep to what the student began as. Default: the sampler's `after`",
  ),
};

/** Everything that decides a round's numbers. Limits of time are not among them: a resume may go on for longer. */
export const roundSettings = strict({
  model: modelName,
  method: z.enum(METHODS).default(METHODS[0]),
  variant: z.enum(VARIANTS).default("ddim"),
  solver: z.enum(SOLVERS).optional().describe(
    `The solver of the teacher's steps, of methods that have several. Default: the method's own. ${solversInWords()}`,
  ),
  /** The teacher's steps, and the student's; see each method's own. */
  from: steps,
  to: steps,
  /** Times of the steps; a teacher that is itself distilled keeps its own. */
  grid: gridSpec.default({ type: "uniform" }),
  /** Options of the variant's sampler, of a method whose students have any; in service, too. */
  options: z.record(z.string(), z.unknown()).default({}),
  /** The set of molecules that is learned from, of a method that takes one: its name or folder, or of a service its id. */
  data: z.string().min(1).max(1000).optional(),
  /** What of the student's estimates is matched, of distribution matching. */
  match: strict({
    ...matchOne,
    divergence: z.enum(DIVERGENCES).optional().describe(
      `what is minimised, default ${DIVERGENCES[0]}: ${divergencesInWords()}`,
    ),
    autoguidance: autoguidanceSpec.optional().describe(
      "how far the teacher's word is guided from that of its weaker self, for a model that has one; default: not at all",
    ),
    alpha: z.number().min(ALPHAS.least).max(ALPHAS.most).optional().describe(`of ${alphasInWords()}`),
    also: z.array(strict({ steps, ...matchOne })).max(16).default([]).describe(
      "step counts of `keep` that are matched, too, each by the grid, sampler and options of its student in service, instead of being kept as they are",
    ),
  }).prefault({}),
  skip: z.int().min(1).max(999).optional().describe(
    `Of ${SKIPPERS}: how many of the teacher's steps one of the solver goes over. Default 1`,
  ),
  boundary: z.enum(BOUNDARIES).optional().describe(
    `Of ${SKIPPERS}: the target at the teacher's last step, its own estimate or the molecule. Default ${BOUNDARIES[0]}`,
  ),
  guidance: scaleRange.optional().describe(
    `Of ${GUIDERS}, of a model that is told properties: the guidance scales that the student is told, first (0 to 1) to last (1 to ${GUIDANCE_MAX}), one of them drawn for each molecule. Default: ${
      methodsInWords(({ guidance }) =>
        guidance?.always ? `${guidance.always.first} to ${guidance.always.last}` : "none"
      )
    }`,
  ),
  /** The time below which estimates are clamped when the round is judged, and in service. */
  clamp: z.number().min(0).max(1).default(0),
  /** Size of the student, of a method that makes a model. */
  width: z.int().min(16).max(1024).multipleOf(16).optional(),
  blocks: z.int().min(1).max(32).optional(),
  /** Name of the model that is made. */
  name: modelName.optional(),
  /** Molecules an update. */
  batch: z.int().min(1).max(4096).default(128),
  /** Muon's learning rate, for the blocks' matrices; AdamW's, for all else, is a tenth of it. Default: the method's. */
  learningRate: z.number().positive().max(1).optional(),
  /** Whose weights the student begins with: its teacher's, or those of the student in service at `to` steps, or at the nearest to it, which is trained on. */
  begin: z.enum(BEGINNINGS).default("teacher"),
  /** Step counts that the student's network is to serve beside `to`. */
  keep: z.array(steps).max(16).default([]),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1),
  /** Of the factors of large products when the student learns. Its teacher's estimates and all judging are in f32. */
  precision: z.enum(PRECISION_CHOICES).optional().describe(
    `Number format of the products that the student learns with: ${precisionsInWords()}; auto, the default, is the fastest of the ` +
      "processor. Its teacher's estimates and all judging are in f32",
  ),
  /** Molecule stability, in points, that the student may lose against its teacher at `from` steps and still be published. */
  accept: z.number().min(0).max(100).default(5),
  /** Molecules that a validation draws, and those on which the finished round is judged. */
  samples: z.int().min(1).max(100_000).default(1000),
});

/** Checked settings of a round. */
export type RoundSettings = z.infer<typeof roundSettings>;

/** Muon's learning rate of a round. */
export const learningRateOf = ({ method, learningRate }: Pick<RoundSettings, "method" | "learningRate">): number =>
  learningRate ?? methodOf(method).learningRate;

/** Each method's own learning rate, in words. */
export const learningRatesInWords = (): string => methodsInWords(({ learningRate }) => String(learningRate));

/**
 * Why a schedule has no such grid at one of the step counts that a round samples or learns with: the student's
 * own, those that it keeps, the teacher's, and those that the method needs beside; undefined where it has all.
 */
function gridFault(settings: RoundSettings, card: Pick<Card, "schedule" | "latents">): string | undefined {
  const { method, from, to, keep, grid } = settings, schedule = makeSchedule(card.schedule);
  const { extraGrids, keepsStudents } = methodOf(method);
  const counts = new Set([to, from, ...keepsStudents ? [] : keep, ...extraGrids?.(settings) ?? []]);
  try {
    for (const steps of counts) makeGrid(gridAtSteps(grid, to, steps, schedule), steps, schedule);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return error.message;
  }
}

/** Why a round cannot have these options of its sampler; undefined where it can. */
function faultOfOptions({ method, variant, options }: RoundSettings): string | undefined {
  if (Object.keys(options).length === 0) return undefined;
  if (!methodOf(method).takesOptions) {
    return `options are for ${
      methodsWith((one) => one.takesOptions)
    }: a student of ${method} has its variant's sampler as it is`;
  }
  try {
    parseSamplerOptions(variant, options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return error.message;
  }
}

/** Why a round cannot be told what to match; undefined where it can. */
function faultOfMatch({ method, match }: RoundSettings, card: Card): string | undefined {
  const { also, classes, ...rest } = match;
  if (match.autoguidance !== undefined && !hasWeaker(card)) {
    return `${card.name} has no weaker self to be guided by: match.autoguidance must be absent`;
  }
  if (
    methodOf(method).takesMatch ||
    (classes === 0 && also.length === 0 && Object.values(rest).every((one) => one === undefined))
  ) return undefined;
  return `match is for ${methodsWith((one) => one.takesMatch)}; got it for ${method}`;
}

/** The step count of the student in service that one of `to` steps begins as: its own where there is one, else the nearest by ratio; undefined where none is. */
export function nearestStudent({ distilled }: Pick<Card, "distilled">, to: number): number | undefined {
  const distance = (steps: number) => Math.abs(Math.log(steps / to));
  return distilled.map(({ steps }) => steps).sort((a, b) => distance(a) - distance(b))[0];
}

/** Why a round cannot have this solver or what goes with one; undefined where it can. */
function faultOfSolver({ method, solver, ...rest }: RoundSettings): Fault | undefined {
  const { solvers, takesSkip } = methodOf(method);
  if (solver !== undefined && !solvers?.includes(solver)) {
    const message = solvers
      ? `solver must be ${solvers.join(" or ")} for ${method}; got ${solver}`
      : `solver is for ${methodsWith((one) => one.solvers !== undefined)}; got it for ${method}`;
    return { field: "solver", message };
  }
  const field = takesSkip ? undefined : (["skip", "boundary"] as const).find((field) => rest[field] !== undefined);
  return field && { field, message: `${field} is for ${SKIPPERS}; got it for ${method}` };
}

/** Why a student cannot begin as the one in service; undefined where it can. */
function faultOfBeginning({ method, begin, to }: RoundSettings, card: Card): string | undefined {
  if (begin === "teacher") return undefined;
  if (methodOf(method).makes === "model") {
    const begins = methodOf(method).keepsSize ? "as its teacher" : "at random";
    return `${method} makes a model, which begins ${begins}; begin must be teacher`;
  }
  if (card.denoiser.type === "egnn") return "an EGNN's student begins as its teacher; begin must be teacher";
  if (nearestStudent(card, to) !== undefined) return undefined;
  return `no student of ${card.name} is in service; begin must be teacher`;
}

/** The first thing that is wrong with a round's settings for this model; undefined where it can be served. */
export function roundFault(settings: RoundSettings, card: Card): Fault | undefined {
  const { method: name, variant, to, keep, clamp, grid } = settings, method = methodOf(name), { type } = card.denoiser;
  if (needsCondition(card)) {
    const message = `${card.name} must be told properties of each molecule, and rounds tell none: it cannot teach`;
    return { field: "model", message };
  }
  if (!method.networks.includes(type)) {
    return {
      field: "method",
      message: `${name} teaches ${method.networks.join(" and ")} only; ${card.name} is ${type}`,
    };
  }
  for (const field of ["width", "blocks", "name"] as const) {
    const takes = (one: AnyMethod) => one.makes === "model" && (field === "name" || !one.keepsSize);
    if (!takes(method) && settings[field] !== undefined) {
      return { field, message: `${field} is for ${methodsWith(takes)}: a student of ${name} has its teacher's size` };
    }
  }
  if ((settings.data !== undefined) !== (method.takesData === true)) {
    const message = method.takesData
      ? `data must name the set that ${name} learns from; got none`
      : `data is for ${methodsWith(({ takesData }) => takesData)}`;
    return { field: "data", message };
  }
  if (!method.variants.includes(variant)) {
    return { field: "variant", message: `variant must be ${method.variants.join(" or ")} for ${name}; got ${variant}` };
  }
  if (keep.includes(to)) return { field: "keep", message: `keep names ${to}, which the student serves by itself` };
  if (keep.length > 0 && type === "egnn") {
    return { field: "keep", message: "an EGNN is not told its number of steps: it keeps no others" };
  }
  const { precision = "auto" } = settings;
  if (type === "egnn" && precision !== "auto" && precision !== "f32") {
    return {
      field: "precision",
      message: `precision must be auto or f32 for an EGNN, which TensorFlow.js trains; got ${precision}`,
    };
  }
  const fault = faultOfTold(settings, card) ?? faultOfSolver(settings) ??
    method.fault(settings, card.distilled.map(({ steps }) => steps));
  if (fault) return fault;
  const beginning = faultOfBeginning(settings, card);
  if (beginning) return { field: "begin", message: beginning };
  const matchFault = faultOfMatch(settings, card);
  if (matchFault) return { field: "match", message: matchFault };
  const optionsFault = faultOfOptions(settings);
  if (optionsFault) return { field: "options", message: optionsFault };
  const variantFault = method.variantFault?.(variant, card.coupling);
  if (variantFault) return { field: "variant", message: variantFault };
  if (clamp > 0 && card.autoencoder.type !== "heavy-atom") {
    return { field: "clamp", message: `${card.name} has no bond orders to clamp` };
  }
  const message = startless(grid, card) ?? gridFault(settings, card);
  return message === undefined ? undefined : { field: "grid", message };
}
