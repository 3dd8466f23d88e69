/** Batches of distribution matching: molecules' sizes, and how the student is to sample them. */
import { gridAtSteps, type GridSpec, makeGrid } from "../diffusion/grids.ts";
import { type Random, random } from "../diffusion/random.ts";
import { planSampling, type SamplingPlan, type Start } from "../diffusion/samplers/mod.ts";
import type { BatchShape, Schedule } from "../diffusion/types.ts";
import type { LatentSource } from "./source.ts";
import type { Variant } from "./methods/method.ts";

/** Samplings of molecules of one size. */
export interface MatchingGroup {
  readonly shape: BatchShape;
  /** The student's steps, and its sampler's run over them. */
  readonly steps: number;
  readonly plan: SamplingPlan;
  /** Where sampling begins, where that is not at noise alone. */
  readonly start?: Start;
  /** A fresh stream for all that is drawn on the way: the same numbers each time. */
  readonly stream: () => Random;
  /** Updates of the round before this one. */
  readonly update: number;
}

/** What all batches have in common. */
export interface MatchingPlan {
  /** Whose molecules say how large the student's are. */
  readonly source: LatentSource;
  readonly schedule: Schedule;
  /** Of the first of `serves`. */
  readonly grid: GridSpec;
  /** The student's sampler and its options. */
  readonly variant: Variant;
  readonly options: Readonly<Record<string, unknown>>;
  /** Step counts that the student learns, by turns. */
  readonly serves: readonly number[];
  /** Where sampling begins for molecules of a size with a grid's first time, where that is not at noise alone. */
  readonly startsAt: (first: ReturnType<Schedule>) => (nodes: number) => Start | undefined;
}

/** Purposes of the streams; see model/diffusion/random.ts. */
const MATCHING = 108, ON_THE_WAY = 109;

/** Most sizes of molecules in a batch, which have a stream each. */
const SIZES = 64;

/**
 * One update's groups: a function of the seed and the update alone. A sampling of N steps gives N estimates to learn from, so `batch`
 * estimates take `batch / N` samplings, rounded up.
 */
export function makeMatchingGroups(plan: MatchingPlan, batch: number, seed: number, update: number): MatchingGroup[] {
  const { source, schedule, grid, variant, options, serves } = plan, stream = random(seed, update, MATCHING);
  const steps = serves[update % serves.length];
  const times = makeGrid(gridAtSteps(grid, serves[0], steps, schedule), steps, schedule);
  const startOf = plan.startsAt(schedule(times[0])), sampling = planSampling(variant, schedule, times, options);
  return source.draw(Math.ceil(batch / steps), stream).map(({ shape }, k) => ({
    shape,
    steps,
    plan: sampling,
    start: startOf(shape.nodes),
    stream: () => random(seed, update * SIZES + k, ON_THE_WAY),
    update,
  }));
}
