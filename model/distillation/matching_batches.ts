/** Batches of distribution matching: molecules' sizes, and how the student is to sample them; and what students in service say, where it is to be kept. */
import { type GridSpec, makeGrid } from "../diffusion/grids.ts";
import { PURPOSE, type Random, random } from "../diffusion/random.ts";
import { planSampling, type Start } from "../diffusion/samplers/mod.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { Coupling } from "../diffusion/coupling/align.ts";
import type { Asked } from "../diffusion/learner.ts";
import type { Autoencoder, Schedule } from "../diffusion/types.ts";
import { sampleOnce, type Samplings } from "./matching_sampling.ts";
import type { KeptStudent } from "./round.ts";
import type { LatentSource } from "./source.ts";
import type { Variant } from "./methods/method.ts";

/** Samplings of a student under training. */
export interface MatchingGroup extends Samplings {
  /** Molecules of the data of these sizes, which a critic compares with the student's, `[B, L]`. */
  readonly data: Float32Array;
  /** A fresh stream for all that is drawn on the way: the same numbers each time. */
  readonly stream: () => Random;
  /** Updates of the round before this one. */
  readonly update: number;
  readonly goal: MatchingGoal;
}

/** What of a student's estimates is matched. */
export interface MatchingGoal {
  /** The share of matching in the gradient of classes and bond orders. */
  readonly classes: number;
  /** The log-SNR from which on estimates are matched: those whose step leads there or beyond. */
  readonly from: number;
  /** Whose word is kept where nothing is matched. Default: what the student began as. */
  readonly keeps?: Denoiser;
}

/** What a student in service was asked, and said, which is to be kept. */
export interface KeptGroup extends Asked {
  readonly target: Float32Array;
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
  /** See {@link Samplings.clamp}. */
  readonly clamp?: number;
  /** The student's steps. */
  readonly steps: number;
  /** What is matched. Default: positions, from the sampler's `after` on, or all where it has none. */
  readonly goal?: Partial<MatchingGoal>;
  /** Where sampling begins on a grid, by its first time, for molecules of a size, where that is not at noise alone. */
  readonly startsAt: (grid: GridSpec, first: ReturnType<Schedule>) => (nodes: number) => Start | undefined;
}

/** Most groups of an update, which have a stream each: one for each size of molecules and number of steps. */
const SIZES = 64;

/**
 * One update's groups, of one plan for each number of steps that is learned: a function of the seed and the update alone. A sampling of N steps gives N
 * estimates to learn from, so `batch` estimates, as many of each plan, take `batch / (plans N)` samplings of it, rounded up.
 */
export function makeMatchingGroups(
  plans: readonly MatchingPlan[],
  batch: number,
  seed: number,
  update: number,
): MatchingGroup[] {
  const stream = random(seed, update, PURPOSE.matching);
  return plans.flatMap((plan) => {
    const goal = goalOf(plan);
    return samplingsOf(plan, batch / plans.length, stream).map((samplings) => ({ ...samplings, goal }));
  }).map((group, k) => ({ ...group, stream: () => random(seed, update * SIZES + k, PURPOSE.onTheWay), update }));
}

/** What is matched by a plan. */
function goalOf({ goal: { classes = 0, from, keeps } = {}, options }: MatchingPlan): MatchingGoal {
  return { classes, keeps, from: from ?? options.after as number | undefined ?? -Infinity };
}

/** Samplings that give as many estimates, of the sizes of molecules of the data that are drawn. */
function samplingsOf(
  plan: MatchingPlan,
  batch: number,
  stream: Random,
): Omit<MatchingGroup, "goal" | "stream" | "update">[] {
  const { source, schedule, grid, variant, options, clamp, steps } = plan, times = makeGrid(grid, steps, schedule);
  const startOf = plan.startsAt(grid, schedule(times[0])), sampling = planSampling(variant, schedule, times, options);
  return source.draw(Math.ceil(batch / steps), stream).map(({ shape, target: data }) => ({
    shape,
    data,
    steps,
    plan: sampling,
    start: startOf(shape.nodes),
    clamp,
  }));
}

/**
 * One update's groups of what a student in service says on samplings of its own, each update one of them. A function of the seed and the update alone,
 * as far as the student's arithmetic is.
 */
export async function makeKeptGroups(
  plan: Omit<MatchingPlan, "grid" | "variant" | "options" | "clamp" | "steps" | "goal"> & {
    readonly coupling?: Coupling;
    readonly autoencoder?: Pick<Autoencoder, "clamp">;
    readonly kept: readonly KeptStudent[];
  },
  batch: number,
  seed: number,
  update: number,
): Promise<KeptGroup[]> {
  const { kept, schedule, coupling, autoencoder } = plan, { entry, denoiser } = kept[update % kept.length];
  const stream = random(seed, update, PURPOSE.kept), { space } = denoiser, groups: KeptGroup[] = [];
  for (const samplings of samplingsOf({ ...plan, ...entry }, batch, stream)) {
    const { asked, x: target } = await sampleOnce(
      samplings,
      { space, coupling, schedule, autoencoder },
      ({ z, shape, conditions }) => denoiser.predict(z, shape, conditions),
      stream,
    );
    groups.push({ ...asked, target });
  }
  return groups;
}
