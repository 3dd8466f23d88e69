/** Distillation of whole rollouts: the student regresses where the teacher's deterministic sampling ends. */
import { realigner } from "../../diffusion/coupling/align.ts";
import { gridAtSteps, type GridSpec, makeGrid } from "../../diffusion/grids.ts";
import { drawNoise } from "../../diffusion/latent.ts";
import type { Group } from "../../diffusion/learner.ts";
import { type Random, random } from "../../diffusion/random.ts";
import { applyStep, firstLatents, type PlannedStep, planSampling, type Start } from "../../diffusion/samplers/mod.ts";
import type { BatchShape, Schedule } from "../../diffusion/types.ts";
import { startsOf } from "../../models/settings.ts";
import { groupOf, noisy, type RoundPlan, shuffled, studentWeights } from "../batches.ts";
import { COURSE } from "../course.ts";
import type { CleanLatents } from "../source.ts";
import { batchesOf, type Method, notFewer, targetFloor } from "./method.ts";
import { halved } from "./progressive.ts";

/** What all batches of a round have in common. */
export interface RolloutPlan extends Pick<RoundPlan, "teacher" | "teacherSteps" | "schedule" | "source" | "coupling"> {
  /** Of the first of `serves`. */
  readonly grid: GridSpec;
  /** Step counts that the student learns, each in an equal share of the batch. */
  readonly serves: readonly number[];
  /** Where sampling begins for molecules of a size, where that is not at noise alone. */
  readonly startOf: (nodes: number) => Start | undefined;
  /** Changes the teacher's estimates `[B, L]` at a time, in departure, as its sampling in service does. */
  readonly clamp?: (x0: Float32Array, shape: BatchShape, time: number) => void;
}

/** One molecule's part of a batch: at time t of a grid of `steps`, the grid's first where `first`. */
interface Departure {
  readonly steps: number;
  readonly t: number;
  readonly first: boolean;
}

/** Purpose of the streams of batches; see model/diffusion/random.ts. */
const ROLLOUT = 107;

/** The teacher's grid of a round. */
const teacherGrid = ({ grid, serves: [to], teacherSteps, schedule }: RolloutPlan) =>
  makeGrid(gridAtSteps(grid, to, teacherSteps, schedule), teacherSteps, schedule);

/** The teacher's deterministic way from t to the data: its own times below t. */
function planFrom(t: number, grid: ArrayLike<number>, schedule: Schedule): readonly PlannedStep[] {
  // A time of the student's grid that is the teacher's, too, is so to rounding.
  const later = Array.from(grid).filter((time) => time < t * (1 - 1e-9));
  return planSampling("ddim", schedule, Float64Array.of(t, ...later));
}

/**
 * Where the teacher's rollouts from z end, `[B, L]`: each molecule goes from its own time, and leaves when it has arrived.
 *
 * @param z `[B, L]` at the departures' times; not changed
 */
async function rolledOut(
  z: Float32Array,
  nodes: number,
  departures: readonly Departure[],
  plan: RolloutPlan,
): Promise<Float32Array> {
  const { teacher, schedule, teacherSteps: steps } = plan, length = z.length / departures.length;
  const grid = teacherGrid(plan), ends = new Float32Array(z.length);
  let going = departures.map(({ t }, b) => ({
    b,
    plan: planFrom(t, grid, schedule),
    z: z.slice(b * length, (b + 1) * length),
  }));
  for (let k = 0; going.length > 0; k++) {
    const together = new Float32Array(going.length * length);
    going.forEach((one, i) => together.set(one.z, i * length));
    const conditions = going.map((one) => ({ time: one.plan[k].t, steps }));
    const x0 = await teacher.predict(together, { batch: going.length, nodes }, conditions);
    going.forEach((one, i) => {
      const mine = x0.subarray(i * length, (i + 1) * length);
      plan.clamp?.(mine, { batch: 1, nodes }, one.plan[k].t);
      if (k === one.plan.length - 1) ends.set(mine, one.b * length);
      else applyStep(one.plan[k], one.z, mine, () => one.z);
    });
    going = going.filter((one) => k < one.plan.length - 1);
  }
  return ends;
}

/** Latents at the departures' times: noisy molecules, or what sampling begins with where a departure is its grid's first. */
async function latentsAt(
  clean: CleanLatents,
  departures: readonly Departure[],
  plan: RolloutPlan,
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

/** One update's groups: a function of seed and update alone (as far as the teacher's arithmetic is). */
export async function makeRolloutGroups(
  plan: RolloutPlan,
  batch: number,
  seed: number,
  update: number,
): Promise<Group[]> {
  const { schedule, source, grid, serves } = plan, stream = random(seed, update, ROLLOUT);
  const grids = serves.map((steps) => makeGrid(gridAtSteps(grid, serves[0], steps, schedule), steps, schedule));
  const departures = shuffled(batch, stream).map((k): Departure => {
    const which = k % serves.length, i = stream.integer(serves[which]);
    return { steps: serves[which], t: grids[which][i], first: i === 0 };
  });
  let at = 0;
  const groups: Group[] = [];
  // One after another, as what is drawn for a start is drawn between.
  for (const clean of source.draw(batch, stream)) {
    const own = departures.slice(at, at += clean.shape.batch), z = await latentsAt(clean, own, plan, stream);
    const target = await rolledOut(z, clean.shape.nodes, own, plan);
    groups.push(groupOf(clean, z, target, own, schedule, studentWeights));
  }
  return groups;
}

/**
 * Luhman & Luhman, "Knowledge distillation in iterative generative models for improved sampling speed" (2021), section 3: a student of one step
 * learns the teacher's map from noise to data. Here it learns it from every time of its grid, so that more steps can follow with fresh noise,
 * as the consistency sampler makes them.
 */
export const rollout: Method = {
  about:
    "few steps at once: the student regresses where the teacher's whole deterministic sampling ends (Luhman and Luhman 2021)",
  variants: ["consistency", "ddim"],
  networks: ["pair-attention", "egnn"],
  makes: "steps",
  teacher: "undistilled",
  auxiliaries: [],
  learningRate: 0.002,
  course: COURSE,
  stepsInWords: "from 16 to half",
  steps: ({ from = 16, to }) => ({ from, to: to ?? halved(from) }),
  work({ from, to, keep }) {
    // From step i of N a rollout takes (1 - i / N) of the teacher's steps.
    const each = [to, ...keep].map((steps) => from * (steps + 1) / (2 * steps));
    return { teacher: each.reduce((a, b) => a + b) / each.length, student: 0 };
  },
  fault: notFewer,
  learning(parts, { from, to, keep, grid, batch, seed, clamp: below }) {
    const { schedule, coupling, learner, card, autoencoder } = parts, teacher = parts.teacher.denoiser;
    const clamp: RolloutPlan["clamp"] = (x0, shape, time) => time <= below ? autoencoder.clamp?.(x0, shape) : undefined;
    const first = schedule(makeGrid(grid, to, schedule)[0]), startOf = startsOf(card, grid, first);
    const serves = [to, ...keep], teacherSteps = from;
    const plan = { schedule, coupling, teacher, teacherSteps, grid, serves, startOf, clamp };
    return {
      learner,
      ...batchesOf(parts, { batch, seed }, (source, ...which) => makeRolloutGroups({ ...plan, source }, ...which)),
      floor: targetFloor(parts),
    };
  },
};
