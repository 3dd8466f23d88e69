/** Consistency learning: a student's targets are what its own moving average says nearer to the data. */
import { abilityOf, type Asked, type Group, type Learner } from "../diffusion/learner.ts";
import { createAimedLearner } from "./aimed_learner.ts";

/** What may be the target at the last time: the teacher's own estimate, or the molecule. */
export const BOUNDARIES = ["teacher", "data"] as const;

/** See {@link BOUNDARIES}. */
export type Boundary = typeof BOUNDARIES[number];

/** Noisy latents, and for those that are not at the last time what stands for them at a next one. */
export interface ConsistencyGroup extends Group {
  /** `rows`: which of the group's molecules these are. Absent where there are none. */
  readonly next?: { readonly rows: readonly number[]; readonly asked: Asked };
}

/**
 * What the moving average of the weights says at the next time is the target, and at the last time that of the group. Song, Dhariwal, Chen & Sutskever,
 * "Consistency models" (2023), algorithms 2 and 3, which differ in where the next latents come from. Losses without an update are those against the
 * groups' own targets.
 */
export function createConsistencyLearner(learner: Learner): Learner<ConsistencyGroup> {
  const predict = abilityOf(learner, "predict").bind(learner);
  const aimed = async ({ next, ...group }: ConsistencyGroup): Promise<Group> => {
    if (!next) return group;
    const estimate = await predict(next.asked, "ema"), length = estimate.length / next.rows.length;
    const target = group.target.slice();
    next.rows.forEach((b, k) => target.set(estimate.subarray(k * length, (k + 1) * length), b * length));
    return { ...group, target };
  };
  return createAimedLearner(learner, aimed, ({ next: _, ...group }) => group);
}
