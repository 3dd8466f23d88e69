/** Distillation of whole rollouts: the student regresses where the teacher's deterministic sampling ends. */
import type { Group } from "../../diffusion/learner.ts";
import { PURPOSE, random } from "../../diffusion/random.ts";
import { applyStep, type PlannedStep, planSampling } from "../../diffusion/samplers/mod.ts";
import type { Schedule } from "../../diffusion/types.ts";
import { groupOf, shuffled, studentWeights } from "../batches.ts";
import { COURSE } from "../course.ts";
import { type Departure, type DeparturePlan, departurePlan, gridOf, latentsAt, teacherAt } from "../departures.ts";
import { batchesOf, type Method, notFewer, targetFloor } from "./method.ts";
import { halved } from "./progressive.ts";

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
  plan: DeparturePlan,
): Promise<Float32Array> {
  const { schedule } = plan, length = z.length / departures.length, grid = gridOf(plan, plan.teacherSteps);
  const ends = new Float32Array(z.length);
  let going = departures.map(({ t }, b) => ({
    b,
    plan: planFrom(t, grid, schedule),
    z: z.slice(b * length, (b + 1) * length),
  }));
  for (let k = 0; going.length > 0; k++) {
    const x0 = await teacherAt(plan, nodes, going.map((one) => ({ z: one.z, t: one.plan[k].t })));
    going.forEach((one, i) => {
      if (k === one.plan.length - 1) ends.set(x0[i], one.b * length);
      else applyStep(one.plan[k], one.z, x0[i], () => one.z);
    });
    going = going.filter((one) => k < one.plan.length - 1);
  }
  return ends;
}

/** One update's groups: a function of seed and update alone (as far as the teacher's arithmetic is). */
export async function makeRolloutGroups(
  plan: DeparturePlan,
  batch: number,
  seed: number,
  update: number,
): Promise<Group[]> {
  const { schedule, source, serves } = plan, stream = random(seed, update, PURPOSE.rollout);
  const grids = serves.map((steps) => gridOf(plan, steps));
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
  learning(parts, settings) {
    const plan = departurePlan(parts, settings);
    return {
      learner: parts.learner,
      ...batchesOf(parts, settings, (source, ...which) => makeRolloutGroups({ ...plan, source }, ...which)),
      floor: targetFloor(parts),
    };
  },
};
