/** What a network says while it is under training. */
import { conditioned, eachCondition } from "./condition.ts";
import type { Denoiser } from "./denoiser.ts";
import { abilityOf, type Learner, type Weights } from "./learner.ts";
import type { Schedule } from "./types.ts";

/** A learner's word as a denoiser's, by its weights as they are, or their moving average. Throws RangeError where it does not predict. */
export function predictOf(learner: Learner, schedule: Schedule, which: Weights): Denoiser["predict"] {
  const predict = abilityOf(learner, "predict").bind(learner);
  return (z, shape, conditions) =>
    predict({ z, shape, ...conditioned(eachCondition(conditions, shape.batch), schedule) }, which);
}
