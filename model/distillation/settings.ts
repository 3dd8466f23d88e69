/** What a round of distillation is told, checked once: from the command line, from POST /distill, in a job's folder. */
import { VARIANTS } from "../diffusion/samplers/mod.ts";
import { z } from "zod";
import { strict } from "../diffusion/strict.ts";
import type { Coupling } from "../diffusion/coupling/align.ts";
import { gridAtSteps, gridSpec, makeGrid } from "../diffusion/grids.ts";
import type { Schedule } from "../diffusion/types.ts";

/**
 * `progressive` halves the number of steps (Salimans & Ho 2022); `moments` goes to any number of steps by moment matching
 * (Salimans et al. 2024); `knowledge` teaches a network of another size what the teacher says at every time.
 */
export const METHODS = ["progressive", "moments", "knowledge"] as const;

/** A name of a model. */
export const modelName = z.string().regex(
  /^[a-z0-9][a-z0-9._-]{0,63}$/,
  "must be lower-case letters, digits, '.', '_' and '-', at most 64",
);

/** A step count that can be distilled from or to. */
const steps = z.int().min(1).max(1000);

/** Everything that decides a round's numbers. Limits of time are not among them: a resume may go on for longer. */
export const roundSettings = strict({
  model: modelName,
  method: z.enum(METHODS).default("progressive"),
  variant: z.enum(VARIANTS).default("ddim"),
  /**
   * The teacher's steps, and the student's: half of them, rounded up, for `progressive`; any for `moments`, whose teacher is
   * the undistilled network. For `knowledge` both are the steps that are judged.
   */
  from: steps,
  to: steps,
  /** Times of the steps; a teacher that is itself distilled keeps its own. */
  grid: gridSpec.default({ type: "uniform" }),
  /** The time below which estimates are clamped when the round is judged, and in service. */
  clamp: z.number().min(0).max(1).default(0),
  /** Size of the student; `knowledge` only. */
  width: z.int().min(16).max(1024).multipleOf(16).optional(),
  blocks: z.int().min(1).max(32).optional(),
  /** Name of the model that `knowledge` makes. */
  name: modelName.optional(),
  /** Molecules an update. */
  batch: z.int().min(1).max(4096).default(128),
  /** Muon's learning rate, for the blocks' matrices; AdamW's, for all else, is a tenth of it. Default: `learningRateOf`. */
  learningRate: z.number().positive().max(1).optional(),
  /**
   * Step counts that the student's network is to serve beside `to`: for `progressive` those that its teacher's network
   * serves, on 30 % of each batch; for `moments` any, in equal shares.
   */
  keep: z.array(steps).max(16).default([]),
  seed: z.int().min(0).max(2 ** 32 - 1).default(1),
  /** Molecule stability, in points, that the student may lose against its teacher at `from` steps and still be published. */
  accept: z.number().min(0).max(100).default(5),
  /** Molecules that a validation draws, and those on which the finished round is judged. */
  samples: z.int().min(1).max(100_000).default(1000),
});

/** Checked settings of a round. */
export type RoundSettings = z.infer<typeof roundSettings>;

/** A student that begins as its teacher needs small steps; one that begins from nothing, those of training. */
export const learningRateOf = ({ method, learningRate }: Pick<RoundSettings, "method" | "learningRate">): number =>
  learningRate ?? { progressive: 0.001, moments: 0.002, knowledge: 0.02 }[method];

/** The variant of a method where none is asked. */
export const variantOf = (method: RoundSettings["method"]): RoundSettings["variant"] =>
  method === "moments" ? "ddpm" : "ddim";

/** Why a method cannot have a variant for a model of this coupling; undefined where it can. */
export function variantFault(
  { method, variant }: Pick<RoundSettings, "method" | "variant">,
  coupling: Coupling,
): string | undefined {
  if (method === "moments" && variant === "ddim") {
    return "a student of moments draws at each step: its variant is ddpm or consistency";
  }
  if (method === "progressive" && variant === "consistency") {
    return "progressive halves steps that draw nothing: its variant is ddim or ddpm";
  }
  if (method === "knowledge" && variant === "consistency") {
    return "knowledge teaches no sampler: its variant is ddim or ddpm, and says nothing";
  }
  if (method === "progressive" && variant === "ddpm" && coupling === "aligned") {
    return "posterior means assume independent noise; a progressive student of a network trained on aligned noise has the variant ddim";
  }
}

/** Why a student of these settings cannot keep the step counts asked, of those `served` by the model; undefined where it can. */
export function keepFault(
  { method, to, keep }: Pick<RoundSettings, "method" | "to" | "keep">,
  served: readonly number[],
): string | undefined {
  if (method === "knowledge" && keep.length > 0) return "keep is not for knowledge, which makes a model of its own";
  if (keep.includes(to)) return `keep names ${to}, which the student serves by itself`;
  const missing = method === "progressive" ? keep.filter((steps) => !served.includes(steps)) : [];
  if (missing.length === 0) return undefined;
  return `keep names ${missing.join(", ")}; in service are ${served.join(", ") || "none"}`;
}

/**
 * Why a schedule has no such grid at one of the step counts that a round samples or learns with; undefined where it has all: the student's
 * own, those that it keeps, the teacher's, and the halved intervals of progressive rounds.
 */
export function gridFault(
  { method, from, to, keep, grid }: Pick<RoundSettings, "method" | "from" | "to" | "keep" | "grid">,
  schedule: Schedule,
): string | undefined {
  const counts = new Set([to, from, ...keep, ...method === "progressive" ? [2 * to, ...keep.map((n) => 2 * n)] : []]);
  try {
    for (const steps of counts) makeGrid(gridAtSteps(grid, to, steps, schedule), steps, schedule);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return error.message;
  }
}

/** Half of a number of steps, as the papers halve: 125 -> 63. */
export const halved = (from: number): number => Math.ceil(from / 2);
