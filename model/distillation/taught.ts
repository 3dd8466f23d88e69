/** What a teacher's steps mean for a student that makes one in their place. */
import { ancestralStep } from "../diffusion/samplers/ancestral.ts";
import type { Condition, FixedCondition } from "../diffusion/condition.ts";
import { ddimStep } from "../diffusion/samplers/ddim.ts";
import { applyStep } from "../diffusion/samplers/step.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import { latentLength, rowsOf } from "../diffusion/latent.ts";
import type { LatentSpace, Schedule, ScheduleValues } from "../diffusion/types.ts";
import { ONE_HOT } from "../networks/heavy_atom/space.ts";
import { heunShares, type Interval, shareOf } from "./shares.ts";
import type { SolverName } from "./solvers.ts";
import { combine, type Variant } from "./target.ts";

/** One molecule's part of a batch: at time t, with the interval that its step goes over; no `v` where it repeats. */
export interface Lesson {
  /** The student's number of steps. */
  readonly steps: number;
  /** What the teacher is told. */
  readonly told: number;
  /** What else networks are told of the molecule. */
  readonly condition?: FixedCondition;
  readonly t: number;
  readonly u: number;
  readonly v: number | undefined;
}

/** Who teaches, and what. */
export interface Teaching {
  readonly teacher: Pick<Denoiser, "predict">;
  readonly schedule: Schedule;
  /** The student's steps. */
  readonly variant: Variant;
  /** The teacher's. Default: those of the variant, without their noise. */
  readonly solver?: SolverName;
  /** The space of latents whose scalars and pairs are classes and bond orders: targets are then to be probabilities. */
  readonly classes?: LatentSpace;
}

/** What the teacher is asked at a time. */
const askedAt = (time: number, { condition, told: steps }: Pick<Lesson, "condition" | "told">): Condition => ({
  ...condition,
  time,
  steps,
});

/** A first-order step to a time, and what share the estimate there has in what is looked for. */
interface Leg {
  readonly from: ScheduleValues;
  readonly to: ScheduleValues;
  readonly asked: Condition;
  readonly share: number;
}

/** The latents where the legs lead by these estimates, a fresh array. */
function moved(
  z: Float32Array,
  x0: Float32Array,
  legs: readonly Pick<Leg, "from" | "to">[],
  { variant, solver }: Teaching,
  noise?: Float32Array,
): Float32Array {
  const there = z.slice(), length = z.length / legs.length;
  legs.forEach(({ from, to }, b) => {
    const own = (values: Float32Array) => values.subarray(b * length, (b + 1) * length);
    // Without noise the ddpm variant takes the posterior's mean.
    const step = variant === "ddim" ? ddimStep(from, to) : ancestralStep(from, to, 0);
    const drawn = solver === "ddpm" ? step : { ...step, noise: 0 };
    applyStep(drawn, own(there), own(x0), () => own(noise!));
  });
  return there;
}

/** The estimates `first` at the legs' starts, changed by their share towards what the teacher says at their ends; rows of share 0 stay. */
async function improved(
  z: Float32Array,
  nodes: number,
  first: Float32Array,
  legs: readonly Leg[],
  teaching: Teaching,
  noise?: Float32Array,
): Promise<Float32Array> {
  const rows = [...legs.keys()].filter((b) => legs[b].share !== 0), length = z.length / legs.length;
  if (rows.length === 0) return first;
  const own = rows.map((b) => legs[b]), begun = rowsOf(first, rows, length);
  const there = moved(rowsOf(z, rows, length), begun, own, teaching, noise && rowsOf(noise, rows, length));
  const second = await teaching.teacher.predict(
    there,
    { batch: rows.length, nodes },
    own.map(({ asked }) => asked),
  );
  const both = combine(begun, second.slice(), own.map(({ share }) => share)), out = first.slice();
  rows.forEach((b, k) => out.set(both.subarray(k * length, (k + 1) * length), b * length));
  return out;
}

/** Heun's two steps: each ends by the mean slope of its two calls. */
async function byHeun(
  z: Float32Array,
  nodes: number,
  first: Float32Array,
  lessons: readonly Lesson[],
  intervals: readonly Interval[],
  teaching: Teaching,
): Promise<Float32Array> {
  const shares = intervals.map(heunShares);
  const toU = lessons.map((lesson, b): Leg => {
    const { t: from, u: to } = intervals[b];
    return { from, to, asked: askedAt(lesson.u, lesson), share: shares[b][0] };
  });
  const one = await improved(z, nodes, first, toU, teaching), zu = moved(z, one, toU, teaching);
  const asked = lessons.map((lesson) => askedAt(lesson.u, lesson));
  const atU = (await teaching.teacher.predict(zu, { batch: lessons.length, nodes }, asked)).slice();
  const toV = lessons.map((lesson, b): Leg => {
    const { u: from, v: to } = intervals[b];
    return { from, to, asked: askedAt(lesson.v!, lesson), share: shares[b][1] };
  });
  const two = await improved(zu, nodes, atU, toV, teaching);
  return combine(one, two, intervals.map((interval) => shareOf("heun", "ddim", interval)));
}

/** Makes `count` values from `at` on probabilities times ONE_HOT: what is below 0 becomes 0, and the rest is scaled. */
function normalise(values: Float32Array, at: number, count: number): void {
  let sum = 0;
  for (let k = at; k < at + count; k++) sum += values[k] = Math.max(0, values[k]);
  for (let k = at; k < at + count; k++) values[k] *= ONE_HOT / sum;
}

/**
 * Makes classes and bond orders probabilities, in place, of latents where a share beyond 1 led out of them. Of the cross-entropy with what was there this is the
 * minimum, among students that say nothing of what is below 0.
 */
export function toProbabilities(x: Float32Array, { vectors, scalars, pairs }: LatentSpace, nodes: number): void {
  const width = 3 * vectors + scalars, length = latentLength({ vectors, scalars, pairs }, nodes);
  for (let at = 0; at < x.length; at += length) {
    for (let i = 0; i < nodes; i++) {
      normalise(x, at + i * width + 3 * vectors, scalars);
      for (let j = 0; j < nodes; j++) {
        if (j !== i) normalise(x, at + nodes * width + (i * nodes + j) * pairs, pairs);
      }
    }
  }
}

/**
 * What the teacher makes of noisy latents: its estimate where the lesson repeats, else the x that one step of the student must predict to go
 * where the teacher's two lead. Places that repeat come last.
 *
 * @param z `[B, L]`, not changed
 * @param noise of the solver `ddpm`, `[B, L]`: that of the step t -> u. That of u -> v is the student's own, by which both are the same draw
 * @returns `[B, L]`, a fresh array
 */
export async function taught(
  z: Float32Array,
  nodes: number,
  lessons: readonly Lesson[],
  teaching: Teaching,
  noise?: Float32Array,
): Promise<Float32Array> {
  const { teacher, schedule, variant, solver, classes } = teaching, length = z.length / lessons.length;
  const asked = lessons.map((lesson) => askedAt(lesson.t, lesson));
  const estimate = (await teacher.predict(z, { batch: lessons.length, nodes }, asked)).slice();
  const going = lessons.filter(({ v }) => v !== undefined), all = going.length * length;
  if (going.length === 0) return estimate;
  const first = estimate.subarray(0, all), zt = z.subarray(0, all);
  const intervals = going.map(({ t, u, v }): Interval => ({
    t: schedule(t),
    u: schedule(u),
    v: schedule(v!),
    last: v === 0,
  }));
  const legs = going.map((lesson, b): Leg => {
    const { t: from, u: to } = intervals[b];
    return { from, to, asked: askedAt(lesson.u, lesson), share: shareOf(solver, variant, intervals[b]) };
  });
  const x = solver === "heun"
    ? await byHeun(zt, nodes, first, going, intervals, teaching)
    : await improved(zt, nodes, first, legs, teaching, noise);
  if (classes && (solver === "heun" || solver === "dpm-solver++")) toProbabilities(x, classes, nodes);
  estimate.set(x);
  return estimate;
}
