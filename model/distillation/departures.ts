/** Where lessons of a student of few steps begin: at a time of a number of steps, in noisy molecules or in what sampling begins with. */
import type { FixedCondition } from "../diffusion/condition.ts";
import { realigner } from "../diffusion/coupling/align.ts";
import { gridAtSteps, type GridSpec, makeGrid } from "../diffusion/grids.ts";
import { drawNoise } from "../diffusion/latent.ts";
import type { Random } from "../diffusion/random.ts";
import { firstLatents, type Start } from "../diffusion/samplers/mod.ts";
import type { BatchShape, Grid } from "../diffusion/types.ts";
import { startsOf } from "../models/settings.ts";
import { noisy, type RoundPlan } from "./batches.ts";
import type { MethodSettings } from "./methods/method.ts";
import type { RoundParts } from "./round.ts";
import type { CleanLatents } from "./source.ts";

/** What all batches of a round have in common. */
export interface DeparturePlan
  extends Pick<RoundPlan, "teacher" | "teacherSteps" | "schedule" | "source" | "coupling"> {
  /** Of the first of `serves`. */
  readonly grid: GridSpec;
  /** Step counts that the student learns, each in an equal share of the batch. */
  readonly serves: readonly number[];
  /** Where sampling begins for molecules of a size, where that is not at noise alone. */
  readonly startOf: (nodes: number) => Start | undefined;
  /** Changes the teacher's estimates `[B, L]` at a time, in departure, as its sampling in service does. */
  readonly clamp?: (x0: Float32Array, shape: BatchShape, time: number) => Promise<void>;
}

/** One molecule's part of a batch: at time t of a grid of `steps`, the grid's first where `first`. */
export interface Departure {
  readonly steps: number;
  readonly t: number;
  readonly first: boolean;
  /** What networks are told of the molecule beside the time. */
  readonly condition?: FixedCondition;
}

/** What a round's settings say of it. */
export function departurePlan(
  { schedule, coupling, card, autoencoder, teacher: { denoiser: teacher } }: Omit<RoundParts, "source">,
  { from: teacherSteps, to, keep, grid, clamp: below }: MethodSettings,
): Omit<DeparturePlan, "source"> {
  const first = schedule(makeGrid(grid, to, schedule)[0]), startOf = startsOf(card, grid, first);
  const clamp: DeparturePlan["clamp"] = async (x0, shape, time) => {
    if (time <= below) await autoencoder.clamp?.(x0, shape);
  };
  return { schedule, coupling, teacher, teacherSteps, grid, serves: [to, ...keep], startOf, clamp };
}

/** The grid of a round's at another number of steps. */
export const gridOf = ({ grid, serves: [to], schedule }: DeparturePlan, steps: number): Grid =>
  makeGrid(gridAtSteps(grid, to, steps, schedule), steps, schedule);

/** Latents at the departures' times: noisy molecules, or what sampling begins with where a departure is its grid's first. */
export async function latentsAt(
  clean: CleanLatents,
  departures: readonly Departure[],
  plan: DeparturePlan,
  stream: Random,
): Promise<Float32Array> {
  const { space } = plan.teacher, { nodes } = clean.shape, start = plan.startOf(nodes);
  const z = noisy(clean, departures, plan, stream), length = z.length / departures.length;
  if (!start) return z;
  for (const [b, { first }] of departures.entries()) {
    if (!first) continue;
    const shape = { batch: 1, nodes }, draw = () => drawNoise(space, shape, [stream]);
    z.set(await firstLatents(draw, start, realigner(plan.coupling, space, shape)), b * length);
  }
  return z;
}

/** The teacher's estimates `[L]` of latents `[L]` at their times, of molecules of one size, as its sampling has them. */
export async function teacherAt(
  { teacher, teacherSteps: steps, clamp }: DeparturePlan,
  nodes: number,
  asked: readonly (Pick<Departure, "t" | "condition"> & { readonly z: Float32Array })[],
): Promise<Float32Array[]> {
  if (asked.length === 0) return [];
  const length = asked[0].z.length, together = new Float32Array(asked.length * length);
  asked.forEach(({ z }, i) => together.set(z, i * length));
  const conditions = asked.map(({ t: time, condition }) => ({ ...condition, time, steps }));
  const all = await teacher.predict(together, { batch: asked.length, nodes }, conditions);
  const estimates = asked.map((_, i) => all.slice(i * length, (i + 1) * length));
  for (const [i, { t }] of asked.entries()) await clamp?.(estimates[i], { batch: 1, nodes }, t);
  return estimates;
}
