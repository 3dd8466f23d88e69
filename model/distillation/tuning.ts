/** Fine-tuning: the network goes on learning to denoise, on a set of molecules of its own, at the times of its student's steps. */
import type { NodeClass } from "../../chem/data_set.ts";
import { makeGrid } from "../diffusion/grids.ts";
import type { Group } from "../diffusion/learner.ts";
import { random } from "../diffusion/random.ts";
import type { Card } from "../models/card.ts";
import { classLabel } from "../networks/heavy_atom/space.ts";
import { lossWeights } from "../training/weights.ts";
import { groupOf, noisy, type RoundPlan, shuffled } from "./batches.ts";
import type { Fault } from "./methods/method.ts";

/** Folder of a round's own that its set lies in, where a service put it there. */
export const OWN_DATA = "data";

/** Purpose of the streams of batches; see model/diffusion/random.ts. */
const TUNING = 111;

/** What all batches have in common. */
export type TuningPlan = Pick<RoundPlan, "teacher" | "source" | "schedule" | "coupling" | "grid" | "steps">;

/**
 * One update's groups: noisy molecules of the set at the times of the grid, as many at each, and the molecules themselves as targets, with the weights of
 * training (docs/denoiser.md, "Loss"). A function of the seed and the update alone.
 */
export function makeTuningGroups(plan: TuningPlan, batch: number, seed: number, update: number): Group[] {
  const { schedule, source, steps, grid } = plan, stream = random(seed, update, TUNING);
  const times = makeGrid(grid, steps, schedule);
  const lessons = shuffled(batch, stream).map((k) => ({ steps, t: times[k % steps] }));
  let at = 0;
  return source.draw(batch, stream).map((clean) => {
    const own = lessons.slice(at, at += clean.shape.batch), z = noisy(clean, own, plan, stream);
    return groupOf(clean, z, clean.target, own, schedule, ({ sigma }) => lossWeights(sigma));
  });
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
