/** Batches of a round: noisy latents at the times of the student's grid, and what the teacher makes of them. */
import { conditioned } from "../diffusion/condition.ts";
import { alignNoise, type Coupling } from "../diffusion/coupling/align.ts";
import { gridAtSteps, makeGrid } from "../diffusion/grids.ts";
import { drawNoise } from "../diffusion/latent.ts";
import { PURPOSE, type Random, random } from "../diffusion/random.ts";
import type { Group } from "../diffusion/learner.ts";
import { CLASS_CAP, CLASS_SHARE, lossWeights, POSITION_CAP } from "../training/weights.ts";
import type { GridSpec } from "../diffusion/grids.ts";
import type { Grid, LatentSpace, Schedule } from "../diffusion/types.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { CleanLatents, LatentSource } from "./source.ts";
import type { SolverName } from "./solvers.ts";
import { type Lesson, taught } from "./taught.ts";
import { truncatedSnr, type Variant } from "./target.ts";

/** What all batches of a round have in common. */
export interface RoundPlan {
  readonly variant: Variant;
  /** The teacher's steps and what targets are; see `taught.ts`. */
  readonly solver?: SolverName;
  readonly classes?: LatentSpace;
  /** The student's steps; the teacher makes two in each. */
  readonly steps: number;
  /** The teacher's steps, for a teacher that is told them. */
  readonly teacherSteps: number;
  readonly grid: GridSpec;
  readonly schedule: Schedule;
  readonly teacher: Denoiser;
  readonly source: LatentSource;
  /** How the teacher was trained. Default independent. */
  readonly coupling?: Coupling;
  /**
   * Step counts that the teacher's network serves already and the student, if it is told the number of steps, is to
   * serve as well: on a share of each batch it learns what the teacher says there.
   */
  readonly kept?: readonly number[];
  /** That share, 0 to 1. */
  readonly keptShare?: number;
}

/** The grid of N steps and the points between, `[2 N + 1]`. */
export function doubleGrid(spec: GridSpec, steps: number, schedule: Schedule): Grid {
  return makeGrid(gridAtSteps(spec, steps, 2 * steps, schedule), 2 * steps, schedule);
}

/** Loss weights `[positions, scalars, pairs]` at a time: max(SNR, 1), capped as in training; see training/weights.ts. */
export function studentWeights(values: ReturnType<Schedule>): [number, number, number] {
  const w = truncatedSnr(values, POSITION_CAP), share = CLASS_SHARE * Math.min(w, CLASS_CAP);
  return [w, share, share];
}

/** z = alpha x + sigma noise at the lessons' times, the noise as the teacher's training had it. */
export function noisy(
  { shape, target }: CleanLatents,
  lessons: readonly Pick<Lesson, "t">[],
  plan: Pick<RoundPlan, "teacher" | "coupling" | "schedule">,
  stream: Random,
): Float32Array {
  const { space } = plan.teacher, z = drawNoise(space, shape, Array(shape.batch).fill(stream));
  const length = z.length / shape.batch;
  if (plan.coupling === "aligned") alignNoise(z, target, space, shape);
  lessons.forEach(({ t }, b) => {
    const { alpha, sigma } = plan.schedule(t);
    for (let i = b * length; i < (b + 1) * length; i++) z[i] = alpha * target[i] + sigma * z[i];
  });
  return z;
}

/** 0 to `count` - 1 in random order. */
export function shuffled(count: number, stream: Random): number[] {
  const order = Array.from({ length: count }, (_, k) => k);
  for (let k = count - 1; k > 0; k--) {
    const j = stream.integer(k + 1);
    [order[k], order[j]] = [order[j], order[k]];
  }
  return order;
}

/** A group of a learner from latents, their targets and lessons. */
export function groupOf(
  { shape }: CleanLatents,
  z: Float32Array,
  target: Float32Array,
  lessons: readonly Pick<Lesson, "t" | "steps">[],
  schedule: Schedule,
  weigh: (values: ReturnType<Schedule>) => readonly number[],
): Group {
  return {
    shape,
    z,
    target,
    ...conditioned(lessons.map(({ t: time, steps }) => ({ time, steps })), schedule),
    weights: Float32Array.from(lessons.flatMap(({ t }) => [...weigh(schedule(t))])),
  };
}

/** The noise of a step of each molecule, `[B, L]`. */
const frozen = ({ shape }: CleanLatents, { teacher }: Pick<RoundPlan, "teacher">, stream: Random): Float32Array =>
  drawNoise(teacher.space, shape, Array(shape.batch).fill(stream));

/**
 * One update's groups: Salimans & Ho, "Progressive distillation" (2022), algorithm 2; Lacombe & Vaidya, "Accelerating
 * the generation of molecular conformations" (ELPD), algorithm 1. Times are those of the student's grid, stratified over
 * the batch. A function of seed and update alone (as far as the teacher's arithmetic is).
 */
export async function makeRoundGroups(plan: RoundPlan, batch: number, seed: number, update: number): Promise<Group[]> {
  const { steps, grid, schedule, source, kept = [], keptShare = 0 } = plan;
  const stream = random(seed, update, PURPOSE.round), fine = doubleGrid(grid, steps, schedule);
  const repeats = kept.length > 0 ? Math.round(keptShare * batch) : 0, going = batch - repeats;
  const lesson = (k: number): Lesson => {
    if (k >= going) {
      const level = kept[stream.integer(kept.length)],
        times = makeGrid(gridAtSteps(grid, steps, level, schedule), level, schedule);
      return { steps: level, told: level, t: times[stream.integer(level)], u: 0, v: undefined };
    }
    const i = Math.min(steps - 1, Math.floor(steps * (k + stream.uniform()) / going));
    return { steps, told: plan.teacherSteps, t: fine[2 * i], u: fine[2 * i + 1], v: fine[2 * i + 2] };
  };
  const lessons = shuffled(batch, stream).map(lesson);
  let at = 0;
  return await Promise.all(
    source.draw(batch, stream).map(async (clean) => {
      const { batch: size, nodes } = clean.shape, own = lessons.slice(at, at += size);
      own.sort((a, b) => Number(a.v === undefined) - Number(b.v === undefined));
      const z = noisy(clean, own, plan, stream),
        noise = plan.solver === "ddpm" ? frozen(clean, plan, stream) : undefined;
      return groupOf(clean, z, await taught(z, nodes, own, plan, noise), own, schedule, studentWeights);
    }),
  );
}

/**
 * Groups for a student of another size that learns what the teacher says at every time: its estimates as they are, with
 * the weights of training.
 */
export async function makeKnowledgeGroups(
  plan: Pick<RoundPlan, "teacher" | "teacherSteps" | "source" | "schedule" | "coupling">,
  batch: number,
  seed: number,
  update: number,
): Promise<Group[]> {
  const { schedule, source, teacherSteps: steps } = plan, stream = random(seed, update, PURPOSE.knowledge);
  const all = { ...plan, variant: "ddim", steps, grid: { type: "uniform" } } as const;
  const lessons = shuffled(batch, stream).map((k): Lesson => ({
    steps,
    told: steps,
    t: (k + stream.uniform()) / batch,
    u: 0,
    v: undefined,
  }));
  let at = 0;
  return await Promise.all(
    source.draw(batch, stream).map(async (clean) => {
      const own = lessons.slice(at, at += clean.shape.batch), z = noisy(clean, own, all, stream);
      const target = await taught(z, clean.shape.nodes, own, all);
      return groupOf(clean, z, target, own, schedule, ({ sigma }) => lossWeights(sigma));
    }),
  );
}
