/**
 * A flow map: one step of any length lands where the probability flow does. Frans et al., "One step diffusion via shortcut models" (2024), section 3: a step is
 * learned from two of half its length that the network's own moving average makes, so that no teacher is rolled out. Boffi, Albergo & Vanden-Eijnden, "Flow map
 * matching" (2024), call it the semigroup condition: the map from t to v is that from u to v after that from t to u.
 */
import { predictOf } from "../diffusion/learned.ts";
import type { Group, Learner } from "../diffusion/learner.ts";
import type { Schedule } from "../diffusion/types.ts";
import type { FlowMapGroup } from "./flow_map_batches.ts";
import { taught } from "./taught.ts";
import { createAimedLearner } from "./aimed_learner.ts";

/** A learner whose longer steps are taught by the moving average of its shorter ones. Losses without an update take targets as they are. */
export function createFlowMapLearner(learner: Learner, schedule: Schedule): Learner<FlowMapGroup> {
  const average = { predict: predictOf(learner, schedule, "ema") };
  const aimed = async ({ own, ...group }: FlowMapGroup): Promise<Group> => {
    if (own.length === 0) return group;
    const { shape: { batch, nodes }, z } = group, target = group.target.slice();
    const first = z.subarray(0, own.length * z.length / batch);
    target.set(await taught(first, nodes, own, { teacher: average, schedule, variant: "ddim" }));
    return { ...group, target };
  };
  return createAimedLearner(learner, aimed, ({ own: _, ...group }) => group);
}
