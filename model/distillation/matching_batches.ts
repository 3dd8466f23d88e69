/** Batches of distribution matching: molecules' sizes, and how the student is to sample them; and what students in service say, where it is to be kept. */
import { type GridSpec, makeGrid } from "../diffusion/grids.ts";
import { type Random, random } from "../diffusion/random.ts";
import { planSampling, type SamplingPlan, type Start } from "../diffusion/samplers/mod.ts";
import type { Group } from "../diffusion/learner.ts";
import type { BatchShape, Schedule } from "../diffusion/types.ts";
import { groupOf, noisy, type RoundPlan, shuffled, studentWeights } from "./batches.ts";
import type { KeptStudent } from "./round.ts";
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
  readonly grid: GridSpec;
  /** The student's sampler and its options. */
  readonly variant: Variant;
  readonly options: Readonly<Record<string, unknown>>;
  /** The student's steps. */
  readonly steps: number;
  /** Where sampling begins for molecules of a size with a grid's first time, where that is not at noise alone. */
  readonly startsAt: (first: ReturnType<Schedule>) => (nodes: number) => Start | undefined;
}

/** Purposes of the streams; see model/diffusion/random.ts. */
const MATCHING = 108, ON_THE_WAY = 109, KEPT = 110;

/** Most sizes of molecules in a batch, which have a stream each. */
const SIZES = 64;

/**
 * One update's groups: a function of the seed and the update alone. A sampling of N steps gives N estimates to learn from, so `batch`
 * estimates take `batch / N` samplings, rounded up.
 */
export function makeMatchingGroups(plan: MatchingPlan, batch: number, seed: number, update: number): MatchingGroup[] {
  const { source, schedule, grid, variant, options, steps } = plan, stream = random(seed, update, MATCHING);
  const times = makeGrid(grid, steps, schedule);
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

/**
 * One update's groups of what a student in service says, each update one of them: noisy molecules at the times of its grid, and its estimates. A function
 * of the seed and the update alone, as far as the student's arithmetic is.
 */
export async function makeKeptGroups(
  plan: Pick<RoundPlan, "teacher" | "schedule" | "source" | "coupling"> & { readonly kept: readonly KeptStudent[] },
  batch: number,
  seed: number,
  update: number,
): Promise<Group[]> {
  const { kept, schedule, source } = plan, { entry: { steps, grid }, denoiser } = kept[update % kept.length];
  const stream = random(seed, update, KEPT), times = makeGrid(grid, steps, schedule), groups: Group[] = [];
  const lessons = shuffled(batch, stream).map((k) => ({ steps, t: times[k % steps] }));
  let at = 0;
  for (const clean of source.draw(batch, stream)) {
    const own = lessons.slice(at, at += clean.shape.batch), z = noisy(clean, own, plan, stream);
    const target = await denoiser.predict(z, clean.shape, own.map(({ t: time }) => ({ time, steps })));
    groups.push(groupOf(clean, z, target.slice(), own, schedule, studentWeights));
  }
  return groups;
}
