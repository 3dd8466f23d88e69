/** The learner of a student whose network is an EGNN: GeoLDM's and EDM's, on TensorFlow.js. */
import { egnnDenoiserParameters, type EgnnDenoiserSizes, egnnEstimate } from "../networks/egnn_denoiser.ts";
import { initialValues } from "../networks/pair_attention/initialise.ts";
import type { Tf } from "../networks/pair_attention/layers.ts";
import type { Group, Learner } from "../diffusion/learner.ts";
import type { FirstValues } from "../engines/open_learner.ts";
import { createTensorflowLearner } from "../engines/tensorflow/tensorflow_learner.ts";
import type { LatentSpace, Schedule } from "../diffusion/types.ts";
import { latestTime, learnerUpTo } from "../models/egnn_latest.ts";
import { egnnStudentLoss } from "./egnn_loss.ts";

/** What the student is. */
export interface EgnnLearnerSetup {
  readonly space: LatentSpace;
  /** Sizes, and the parametrisation: that of the teacher where the student starts from its values. */
  readonly sizes: EgnnDenoiserSizes;
  /** First values: the teacher's tensors. Random ones, by the seed, where absent. */
  readonly values?: FirstValues;
  readonly seed?: number;
  readonly schedule: Schedule;
  /** The latest time that the network is asked at. Default: see `egnn_latest.ts`. */
  readonly latest?: number;
}

/**
 * Creates the learner on the backend that is active in `tf`.
 *
 * @throws RangeError for a latent space that an EGNN does not know, and for first values of other names or shapes
 */
export function createEgnnLearner(tf: Tf, backend: string, setup: EgnnLearnerSetup): Learner<Group> {
  const { space, sizes, schedule, seed = 1 } = setup, specs = egnnDenoiserParameters(space, sizes);
  if (space.vectors !== 1 || space.pairs !== 0) {
    throw new RangeError(`an EGNN denoises one vector a node and no pairs; asked for ${JSON.stringify(space)}`);
  }
  const values = setup.values ?? initialValues(specs, seed);
  const latest = setup.latest ?? latestTime(sizes.parametrisation, schedule);
  const learner = createTensorflowLearner<Group>(tf, {
    backend,
    specs,
    values,
    loss: egnnStudentLoss(tf, sizes),
    estimate: (params, asked, z) => egnnEstimate(tf, sizes, params, asked, z),
  });
  return learnerUpTo(latest, schedule, learner);
}
