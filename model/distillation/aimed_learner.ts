/** Learners whose targets are their own students' word, by the moving average of the weights as they are then. */
import { together } from "../diffusion/auxiliaries.ts";
import type { Group, Learner } from "../diffusion/learner.ts";

/**
 * A learner that gives each group of an update its targets first, one after another. Held-out losses are to the targets that the groups have.
 *
 * @param aimed a group with the targets that it is to learn
 * @param plain a group as it was made, without what its targets are made of
 */
export function createAimedLearner<G extends Group>(
  learner: Learner,
  aimed: (group: G) => Promise<Group>,
  plain: (group: G) => Group,
): Learner<G> {
  return {
    backend: learner.backend,
    async update(groups, rates) {
      const all: Group[] = [];
      for (const group of groups) all.push(await aimed(group));
      return await learner.update(all, rates);
    },
    loss: (groups, which) => learner.loss(groups.map(plain), which),
    ...together(learner, {}),
  };
}
