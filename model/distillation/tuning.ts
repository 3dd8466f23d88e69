/** Fine-tuning: the network goes on learning on a set of molecules of its own, at the times of its student's steps. */
import type { NodeClass } from "../../chem/data_set.ts";
import { makeGrid } from "../diffusion/grids.ts";
import { conditioned } from "../diffusion/condition.ts";
import { PURPOSE, random } from "../diffusion/random.ts";
import type { Grid } from "../diffusion/types.ts";
import type { Card } from "../models/card.ts";
import { classLabel } from "../networks/heavy_atom/space.ts";
import { lossWeights } from "../training/weights.ts";
import { groupOf, noisy, type RoundPlan, shuffled } from "./batches.ts";
import type { ConsistencyGroup } from "./consistency_learner.ts";
import type { CleanLatents } from "./source.ts";
import type { Fault } from "./methods/method.ts";

/** Folder of a round's own that its set lies in, where a service put it there. */
export const OWN_DATA = "data";

/** What all batches have in common. */
export type TuningPlan = Pick<RoundPlan, "teacher" | "source" | "schedule" | "coupling" | "grid" | "steps">;

/**
 * One update's groups: noisy molecules of the set at the times of the grid, as many at each, with the weights of training (docs/denoiser.md, "Loss").
 * Targets are the molecules; `createConsistencyLearner` says what becomes of them. A function of the seed and the update alone.
 */
export function makeTuningGroups(plan: TuningPlan, batch: number, seed: number, update: number): ConsistencyGroup[] {
  const { schedule, source, steps, grid } = plan, stream = random(seed, update, PURPOSE.tuning);
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
): ConsistencyGroup["next"] {
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
