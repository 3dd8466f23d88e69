/** Batches of a flow map: noisy latents at the times of a grid and of all those whose times are every second of another's. */
import { eachCondition } from "../diffusion/condition.ts";
import { gridAtSteps, makeGrid } from "../diffusion/grids.ts";
import { PURPOSE, random } from "../diffusion/random.ts";
import type { Group } from "../diffusion/learner.ts";
import type { Grid } from "../diffusion/types.ts";
import { groupOf, noisy, type RoundPlan, shuffled, studentWeights } from "./batches.ts";
import { type Lesson, taught } from "./taught.ts";

/** What all batches of a round have in common. */
export interface FlowMapPlan
  extends Pick<RoundPlan, "teacher" | "schedule" | "source" | "coupling" | "grid" | "solver" | "classes"> {
  /** Step counts that the student learns, each half of that before it, the teacher's first; each in an equal share of the batch. */
  readonly counts: readonly number[];
  /** The one of them that `grid` is of. */
  readonly of: number;
}

/** Noisy molecules. The targets of the first `own.length` are for the learner to say, by the moving average of what it learns. */
export interface FlowMapGroup extends Group {
  readonly own: readonly Lesson[];
}

/** A number of steps and those of which each is half of that before it, down to `smallest`, or as far as they halve. */
export function halvings(steps: number, smallest = 1): number[] {
  const counts = [steps];
  while (counts.at(-1)! % 2 === 0 && counts.at(-1)! > smallest) counts.push(counts.at(-1)! / 2);
  return counts;
}

/** The times of the teacher's steps: all others' are among them. */
const timesOf = ({ counts: [from], of, grid, schedule }: FlowMapPlan): Grid =>
  makeGrid(gridAtSteps(grid, of, from, schedule), from, schedule);

/** Step `i` of so many: the teacher's own is repeated, two of them are the teacher's, longer ones are two by twice as many. */
function lessonOf(times: Grid, from: number, steps: number, i: number): Lesson {
  const stride = from / steps, at = i * stride, t = times[at];
  if (steps === from) return { steps, told: from, t, u: 0, v: undefined };
  return { steps, told: 2 * steps, t, u: times[at + stride / 2], v: times[at + stride] };
}

/** Whether the teacher says where a lesson leads. */
const isTeachers = ({ told }: Lesson, { counts: [from] }: FlowMapPlan) => told === from;

/**
 * Where the teacher's own steps lead, a half after the other, down to its own number of them: what a flow map is to learn, with no word of its own in it.
 *
 * @param lessons of one number of steps
 */
export async function composed(
  z: Float32Array,
  nodes: number,
  lessons: readonly Lesson[],
  plan: FlowMapPlan,
): Promise<Float32Array> {
  const [lesson] = lessons;
  if (isTeachers(lesson, plan)) return await taught(z, nodes, lessons, { ...plan, variant: "ddim" });
  const { counts: [from], schedule } = plan, times = timesOf(plan), { told } = lesson;
  const halves: Pick<RoundPlan["teacher"], "predict"> = {
    predict: (z, { batch, nodes }, conditions) => {
      const own = eachCondition(conditions, batch).map(({ time }) =>
        lessonOf(times, from, told, times.indexOf(time) * told / from)
      );
      return composed(z, nodes, own, plan);
    },
  };
  return await taught(z, nodes, lessons, { schedule, variant: "ddim", teacher: halves });
}

/** The same for lessons of any numbers of steps, those of one number together. */
async function composedEach(
  z: Float32Array,
  nodes: number,
  lessons: readonly Lesson[],
  plan: FlowMapPlan,
): Promise<Float32Array> {
  const length = z.length / lessons.length, target = new Float32Array(z.length);
  for (let first = 0; first < lessons.length;) {
    const own = lessons.filter(({ steps }) => steps === lessons[first].steps), end = first + own.length;
    target.set(await composed(z.subarray(first * length, end * length), nodes, own, plan), first * length);
    first = end;
  }
  return target;
}

/**
 * One update's groups: Frans, Hafner, Levine & Abbeel, "One step diffusion via shortcut models" (2024), algorithm 1, with the teacher's word where that has the
 * data's, and numbers of steps for lengths. A function of seed and update alone (as far as the teacher's arithmetic is).
 *
 * @param by who says the targets of steps that are longer than two of the teacher's: the learner, or for all `composed`
 */
export async function makeFlowMapGroups(
  plan: FlowMapPlan,
  batch: number,
  seed: number,
  update: number,
  by: "learner" | "teacher" = "learner",
): Promise<FlowMapGroup[]> {
  const { schedule, source, counts } = plan, stream = random(seed, update, PURPOSE.flowMap), times = timesOf(plan);
  const lessons = shuffled(batch, stream).map((k) => {
    const steps = counts[k % counts.length];
    return lessonOf(times, counts[0], steps, stream.integer(steps));
  });
  let at = 0;
  return await Promise.all(
    source.draw(batch, stream).map(async (clean) => {
      const { batch: size, nodes } = clean.shape, all = lessons.slice(at, at += size);
      // Those of the learner first, those that repeat last.
      all.sort((a, b) => a.steps - b.steps);
      const z = noisy(clean, all, plan, stream);
      const own = by === "learner" ? all.filter((lesson) => !isTeachers(lesson, plan)) : [];
      const rest = all.slice(own.length), first = own.length * z.length / size, target = new Float32Array(z.length);
      const say = by === "learner"
        ? (z: Float32Array) => taught(z, nodes, rest, { ...plan, variant: "ddim" })
        : (z: Float32Array) => composedEach(z, nodes, rest, plan);
      if (rest.length > 0) target.set(await say(z.subarray(first)), first);
      return { ...groupOf(clean, z, target, all, schedule, studentWeights), own };
    }),
  );
}
