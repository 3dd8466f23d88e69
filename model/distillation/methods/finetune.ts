/** Fine-tuning on a set of molecules. */
import { COURSE } from "../course.ts";
import { type ConsistencyGroup, createConsistencyLearner } from "../consistency_learner.ts";
import { makeTuningGroups } from "../tuning.ts";
import { batchesOf, type Fault, type Method } from "./method.ts";

/** Steps of the student where nothing is said. */
const STEPS = 16;

/** Song et al., "Consistency models" (2023): consistency training, on another set of molecules, at the times of the student's steps. */
export const finetune: Method<ConsistencyGroup> = {
  about:
    "the network goes on learning on a set of molecules of yours (`data`), by consistency training at the times of the student's steps (Song et al. 2023)",
  variants: ["consistency", "ddpm", "ddim"],
  takesOptions: true,
  takesData: true,
  networks: ["pair-attention"],
  makes: "steps",
  teacher: "undistilled",
  auxiliaries: [],
  learningRate: 0.002,
  // A set is small: its held-out loss is noisy, and what is wanted of a longer round the minutes say.
  course: { ...COURSE, patience: Infinity },
  stepsInWords: `both ${STEPS}`,
  steps: ({ from, to }) => ({ from: from ?? to ?? STEPS, to: to ?? from ?? STEPS }),
  // The targets are the student's own word.
  work: () => ({ teacher: 0, student: 1 }),
  fault({ from, to, keep }): Fault | undefined {
    if (to !== from) {
      return { field: "to", message: `to must be from's ${from}, as finetune keeps the number of steps; got ${to}` };
    }
    if (keep.length > 0) {
      return { field: "keep", message: "keep is not for finetune, whose student serves its steps alone" };
    }
  },
  learning(parts, { to: steps, grid, batch, seed }) {
    const { schedule, learner, coupling, teacher: { denoiser: teacher } } = parts;
    const plan = { schedule, coupling, teacher, grid, steps };
    return {
      learner: createConsistencyLearner(learner),
      ...batchesOf(parts, { batch, seed }, (source, ...which) => makeTuningGroups({ ...plan, source }, ...which)),
      floor: () => 0,
    };
  },
};
