/** Fine-tuning: the network goes on learning on a set of molecules of its own, at the times of its student's steps. */
import type { NodeClass } from "../../chem/data_set.ts";
import { together } from "../diffusion/auxiliaries.ts";
import { makeGrid } from "../diffusion/grids.ts";
import { conditioned } from "../diffusion/condition.ts";
import { abilityOf, type Asked, type Group, type Learner } from "../diffusion/learner.ts";
import { random } from "../diffusion/random.ts";
import type { Grid } from "../diffusion/types.ts";
import type { Card } from "../models/card.ts";
import { classLabel } from "../networks/heavy_atom/space.ts";
import { lossWeights } from "../training/weights.ts";
import { groupOf, noisy, type RoundPlan, shuffled } from "./batches.ts";
import type { CleanLatents } from "./source.ts";
import type { Fault } from "./methods/method.ts";

/** Folder of a round's own that its set lies in, where a service put it there. */
export const OWN_DATA = "data";

/** Purpose of the streams of batches; see model/diffusion/random.ts. */
const TUNING = 111;

/** What all batches have in common. */
export type TuningPlan = Pick<RoundPlan, "teacher" | "source" | "schedule" | "coupling" | "grid" | "steps">;

/** Noisy molecules of a set, and for those that are not at the grid's last time the same, with the same noise, at the next. */
export interface TuningGroup extends Group {
  /** `rows`: which of the group's molecules these are. Absent where there are none. */
  readonly next?: { readonly rows: readonly number[]; readonly asked: Asked };
}

/**
 * One update's groups: noisy molecules of the set at the times of the grid, as many at each, with the weights of training (docs/denoiser.md, "Loss").
 * Targets are the molecules; see {@link createTuningLearner} for what becomes of them. A function of the seed and the update alone.
 */
export function makeTuningGroups(plan: TuningPlan, batch: number, seed: number, update: number): TuningGroup[] {
  const { schedule, source, steps, grid } = plan, stream = random(seed, update, TUNING);
  const times = makeGrid(grid, steps, schedule), places = shuffled(batch, stream).map((k) => k % steps);
  let at = 0;
  return source.draw(batch, stream).map((clean) => {
    const own = places.slice(at, at += clean.shape.batch), lessons = own.map((k) => ({ steps, t: times[k] }));
    const z = noisy(clean, lessons, plan, stream), next = atNextTimes(clean, z, own, times, plan);
    return {
      ...groupOf(clean, z, clean.target, lessons, schedule, ({ sigma }) => lossWeights(sigma)),
      ...next && { next },
    };
  });
}

/** The molecules of a group, with their noise, at the grid's times after `places`. */
function atNextTimes(
  { shape, target }: CleanLatents,
  z: Float32Array,
  places: readonly number[],
  times: Grid,
  { steps, schedule }: TuningPlan,
): TuningGroup["next"] {
  const rows = [...places.keys()].filter((b) => places[b] < steps - 1);
  if (rows.length === 0) return undefined;
  const length = z.length / shape.batch, later = new Float32Array(rows.length * length);
  rows.forEach((b, k) => {
    const { alpha, sigma } = schedule(times[places[b]]), to = schedule(times[places[b] + 1]);
    for (let i = 0; i < length; i++) {
      const x = target[b * length + i], noise = (z[b * length + i] - alpha * x) / sigma;
      later[k * length + i] = to.alpha * x + to.sigma * noise;
    }
  });
  const conditions = conditioned(rows.map((b) => ({ time: times[places[b] + 1], steps })), schedule);
  return { rows, asked: { shape: { ...shape, batch: rows.length }, z: later, ...conditions } };
}

/**
 * Consistency training: what the moving average of the weights says at the next time of the grid, of the same molecule with the same noise, is the target;
 * at the last time the molecule itself. Song, Dhariwal, Chen & Sutskever, "Consistency models" (2023), algorithm 3, with a fixed grid. Losses without
 * an update are those of denoising, against the molecules.
 */
export function createTuningLearner(learner: Learner): Learner<TuningGroup> {
  const predict = abilityOf(learner, "predict").bind(learner);
  const aimed = async ({ next, ...group }: TuningGroup): Promise<Group> => {
    if (!next) return group;
    const estimate = await predict(next.asked, "ema"), length = estimate.length / next.rows.length;
    const target = group.target.slice();
    next.rows.forEach((b, k) => target.set(estimate.subarray(k * length, (k + 1) * length), b * length));
    return { ...group, target };
  };
  return {
    backend: learner.backend,
    async update(groups, rates) {
      const all: Group[] = [];
      for (const group of groups) all.push(await aimed(group));
      return await learner.update(all, rates);
    },
    loss: (groups, which) => learner.loss(groups.map(({ next: _, ...group }) => group), which),
    ...together(learner, {}),
  };
}

/** Why a model cannot learn from molecules whose heavy atoms are these: it does not know some. Undefined where it knows all. */
export function classesFault({ name, autoencoder }: Card, classes: readonly NodeClass[]): Fault | undefined {
  if (autoencoder.type !== "heavy-atom") return undefined;
  const known = new Set(autoencoder.classes.map(classLabel)),
    strange = classes.map(classLabel).filter((one) => !known.has(one));
  if (strange.length === 0) return undefined;
  const message = `the set has heavy atoms that ${name} does not know: ${
    strange.join(" ")
  } (element, charge, hydrogens); it knows ${[...known].join(" ")}`;
  return { field: "data", message };
}
