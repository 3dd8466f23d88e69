/** Which rows the papers' tables have for a model, fewest steps and so cheapest first. */
import type { Card } from "../../models/card.ts";
import type { Decoding } from "../../diffusion/decodings.ts";
import type { DrawRequest } from "../../generation/generate.ts";
import { acceptOrder } from "../../generation/order.ts";
import type { SamplerName } from "../../diffusion/samplers/mod.ts";
import { cardWith, type Student } from "./students.ts";

/** The numbers of steps of ELPD's tables (Lacombe & Vaidya 2024): each half of the one before, rounded up. */
export const PAPER_STEPS = [1000, 500, 250, 125, 63, 32, 16, 8, 4, 2, 1] as const;

/** The samplers of the teacher's rows: the papers' two, and the cheap baseline that a student must beat. */
export const PAPER_SAMPLERS = ["ddpm", "ddim", "consistency"] as const;

/** Whose weights a row is of, and why it is there. */
export const ROW_KINDS = ["teacher", "recommended", "student"] as const;
export type RowKind = typeof ROW_KINDS[number];

/** A row that is to be measured. */
export interface PlannedRow {
  readonly kind: RowKind;
  /** The line of the figure that it stands on. */
  readonly line: string;
  readonly request: DrawRequest;
  /** The version of the weights: the student's, else the card's. */
  readonly version: string;
  /** Absent for the model's undistilled weights. */
  readonly student?: Student;
}

export interface PlanOptions {
  /** Default {@link PAPER_STEPS}. */
  readonly steps?: readonly number[];
  /** Default {@link PAPER_SAMPLERS}. */
  readonly samplers?: readonly SamplerName[];
  /** Molecules a row. Default 10,000. */
  readonly count?: number;
  /** Most molecules x steps of a row: a dearer one draws fewer molecules. Default: no limit. */
  readonly maxWork?: number;
  /** Clamp of the teacher's rows. Default 0: the network alone. */
  readonly clamp?: number;
  /** Default `argmax`: the network alone. */
  readonly decoding?: Decoding;
  /** Default 1. */
  readonly seed?: number;
}

/**
 * The rows: at each number of steps the teacher by each sampler on the uniform grid, the card's recommended setting for
 * exactly these steps, and each student of these steps as its entry says and unclamped.
 *
 * @throws RangeError for options out of range, ImpossibleOrderError for what the model cannot do
 */
export function planRows(card: Card, students: readonly Student[], options: PlanOptions = {}): PlannedRow[] {
  const { steps = PAPER_STEPS, samplers = PAPER_SAMPLERS, count = 10_000, maxWork = Infinity, seed = 1 } = options;
  const { clamp = 0, decoding = "argmax" } = options;
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`count must be a positive integer; got ${count}`);
  if (!(maxWork >= 1)) throw new RangeError(`the most molecules x steps of a row must be at least 1; got ${maxWork}`);
  if (steps.length === 0 || samplers.length === 0) {
    throw new RangeError(
      `step counts and samplers must be at least 1 each; got ${steps.length} and ${samplers.length}`,
    );
  }
  const rows = [...new Set(steps)].flatMap((each): PlannedRow[] => {
    const order = { count: rowCount(count, each, maxWork), seed, steps: each, decoding };
    const teacher = samplers.map((sampler): PlannedRow => ({
      kind: "teacher",
      line: sampler,
      request: acceptOrder(card, { ...order, sampler, grid: { type: "uniform" }, options: {}, clamp }),
      version: card.version,
    }));
    const recommended = card.recommended.filter((entry) => entry.steps === each).map((entry): PlannedRow => ({
      kind: "recommended",
      line: "recommended",
      request: acceptOrder(card, { ...order, ...entry }),
      version: card.version,
    }));
    const distilled = students.filter(({ entry }) => entry.steps === each).flatMap((student) => {
      const { entry } = student;
      return [...new Set([entry.clamp, 0])].map((clamp): PlannedRow => ({
        kind: "student",
        line: `distilled, ${entry.variant}${clamp ? ", clamped" : ""}`,
        request: acceptOrder(cardWith(card, student), { ...order, sampler: "distilled", clamp }),
        version: entry.version,
        student,
      }));
    });
    return [...teacher, ...recommended, ...distilled];
  });
  // Not by the work itself: what `maxWork` levels would then come in the order of its rounding.
  return rows.sort((a, b) => a.request.settings.steps - b.request.settings.steps);
}

/** Molecules of a row within the limit on work; at least one. */
export const rowCount = (count: number, steps: number, maxWork: number): number =>
  Math.max(1, Math.min(count, Math.floor(maxWork / steps)));

/** Molecules x steps. */
export const workOf = ({ request: { count, settings } }: PlannedRow): number => count * settings.steps;
