/** Times of an N-step sampler: N + 1 numbers that fall from 1 (noise), or from where a start is matched to the data, to 0 (data). */
import { z } from "zod";
import { strict } from "./strict.ts";
import { startSpec } from "./samplers/start.ts";
import { timeAtLogSnr } from "./schedules.ts";
import type { Grid, Schedule } from "./types.ts";

/** What a card or a request says of its grid. */
export const gridSpec = z.discriminatedUnion("type", [
  strict({ type: z.literal("uniform") }),
  strict({
    type: z.literal("logSnr"),
    /** Log-SNR that the even distances start from, at the noisy end; the schedule's own where absent. */
    first: z.number().min(-50).max(50).optional(),
    /** Begin at this log-SNR, not at noise alone; in place of `first`. For a model whose card has `latents`. */
    start: startSpec.optional(),
    /** Log-SNR of the last call, at the clean end. */
    last: z.number().min(-50).max(50).default(9),
  }).refine(({ first, start }) => first === undefined || start === undefined, {
    message: "has both `first` and `start`: `start` says where the times begin",
  }),
  strict({ type: z.literal("power"), rho: z.number().positive() }),
]);

/** A grid, named. */
export type GridSpec = z.infer<typeof gridSpec>;

/** Why a grid cannot serve a model: a start that is matched to data whose moments its card does not have. Undefined where it can. */
export function startless(
  grid: GridSpec,
  { name, latents }: { readonly name: string; readonly latents?: object },
): string | undefined {
  if (grid.type !== "logSnr" || !grid.start || latents) return undefined;
  return `model ${name} has no \`latents\` in its card to match the grid's start to`;
}

/** A grid in words, as tables have it; undefined for even steps, the default. */
export function gridText(spec: GridSpec): string | undefined {
  switch (spec.type) {
    case "uniform":
      return undefined;
    case "power":
      return `power grid rho ${spec.rho}`;
    case "logSnr": {
      const { first, start, last } = spec, ends = (from: number | string) => `log-SNR ${from} to ${last}`;
      if (!start) return ends(first ?? "of noise");
      return `${ends(start.logSnr)}, matched start${start.spread === 1 ? "" : ` of spread ${start.spread}`}`;
    }
  }
}

/**
 * The grid that a spec names, for this schedule.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * import { makeSchedule } from "./schedules.ts";
 *
 * const schedule = makeSchedule({ type: "cosine", factor: 0.9995 });
 * assert.deepEqual([...makeGrid({ type: "uniform" }, 4, schedule)], [1, 0.75, 0.5, 0.25, 0]);
 * ```
 */
export function makeGrid(spec: GridSpec, steps: number, schedule: Schedule): Grid {
  switch (spec.type) {
    case "uniform":
      return uniformGrid(steps);
    case "logSnr":
      return logSnrGrid(steps, schedule, { ...spec, ...spec.start && { first: spec.start.logSnr, matched: true } });
    case "power":
      return powerGrid(steps, spec.rho);
  }
}

/**
 * The grid of another number of steps that belongs to this one: where one number is twice the other, its times are every second
 * of theirs, as rounds of distillation halve. Uniform and power grids are the same spec at every number of steps. Of even log-SNRs, N
 * calls from `first` to `last` stand 1/(N-1) of the way apart; n calls that stand N/n times as far end earlier.
 *
 * @param spec for `of` steps
 * @throws RangeError where that end lies beyond the schedule's
 */
export function gridAtSteps(spec: GridSpec, of: number, steps: number, schedule: Schedule): GridSpec {
  if (spec.type !== "logSnr" || steps === of) return spec;
  const first = Math.max(spec.start?.logSnr ?? spec.first ?? -Infinity, schedule(1).logSnr);
  // Of one call alone the way to its end is taken for half of all.
  const share = (calls: number) => calls === 1 ? 0.5 : 1 - 1 / calls;
  const last = first + (spec.last - first) * share(steps) / share(of);
  const end = schedule(0).logSnr;
  if (!(last <= end)) {
    throw new RangeError(
      `at ${steps} steps the grid of ${of} steps to a log-SNR of ${spec.last} would end at ${
        last.toPrecision(4)
      }, beyond the schedule's ${end.toPrecision(4)}: take a lower \`last\``,
    );
  }
  return { ...spec, last: Number(last.toPrecision(9)) };
}

/** Refuses a number of steps that is not a positive integer. */
function checkSteps(steps: number): void {
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new RangeError(`steps of a grid must be a positive integer; got ${steps}`);
  }
}

/** t_i = 1 - i / N. */
export function uniformGrid(steps: number): Grid {
  checkSteps(steps);
  return Float64Array.from({ length: steps + 1 }, (_, i) => (steps - i) / steps);
}

/** t_i = (1 - i / N)^rho: rho above 1 sets more of the times near the data, below 1 near the noise. */
export function powerGrid(steps: number, rho: number): Grid {
  if (!(rho > 0)) throw new RangeError(`rho of a power grid must be above 0; got ${rho}`);
  return uniformGrid(steps).map((t) => t ** rho);
}

/**
 * Calls at log-SNRs in equal distances (Lu et al., "DPM-Solver", 2022, section 4).
 *
 * The ends need care, as log-SNR is infinite (or very large) at t = 0 and very small at t = 1. The N calls' log-SNRs go
 * evenly from `first` (default: the schedule's at t = 1) to `last` (default 9, sigma about 0.011; the schedule's at t = 0
 * if that is less). Then the first time is set to 1, where the noise is, whatever `first` says, and 0 is put at the
 * end: the last interval goes from `last` to clean data. One step is [1, 0]. With `matched`, the first time is that of `first`
 * itself, where a matched start begins.
 *
 * @throws RangeError unless first < last within the schedule's own log-SNRs
 */
export function logSnrGrid(
  steps: number,
  schedule: Schedule,
  { first, last = 9, matched = false }: { first?: number; last?: number; matched?: boolean } = {},
): Grid {
  checkSteps(steps);
  const low = Math.max(first ?? -Infinity, schedule(1).logSnr), high = Math.min(last, schedule(0).logSnr);
  if (!(low < high)) {
    throw new RangeError(`a log-SNR grid must rise from first to last; got ${low} to ${high} within this schedule`);
  }
  const grid = new Float64Array(steps + 1);
  grid[0] = matched ? timeAtLogSnr(schedule, low) : 1;
  for (let i = 1; i < steps; i++) grid[i] = timeAtLogSnr(schedule, low + (high - low) * i / (steps - 1));
  // Where `last` is the schedule's own end, the last call would stand at 0 itself: half of the interval before it.
  if (steps > 1 && grid[steps - 1] === 0) grid[steps - 1] = grid[steps - 2] / 2;
  return grid;
}
