/** Knowledge distillation: a network of another size learns what the teacher says at every time. */
import { makeKnowledgeGroups } from "../batches.ts";
import { COURSE } from "../course.ts";
import { batchesOf, makesFault, makesSteps, type Method, targetFloor } from "./method.ts";

/** Steps at which student and teacher are judged. */
export const JUDGED_STEPS = 32;

/** What is learned where a network of its own learns the teacher's word at every time. */
export const learnsAtAllTimes: Method["learning"] = (parts, { from, batch, seed }) => {
  const { schedule, learner, coupling, teacher } = parts;
  const plan = { schedule, teacher: teacher.denoiser, teacherSteps: from, coupling };
  return {
    learner,
    ...batchesOf(parts, { batch, seed }, (source, ...which) => makeKnowledgeGroups({ ...plan, source }, ...which)),
    floor: targetFloor(parts),
  };
};

/** Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network" (2015), of a denoiser. */
export const knowledge: Method = {
  about:
    "a smaller network, as a model of its own, that learns what the teacher says at every time (Hinton et al. 2015)",
  // It teaches no sampler; the name says nothing.
  variants: ["ddim", "ddpm"],
  networks: ["pair-attention", "egnn"],
  makes: "model",
  takesConditions: true,
  teacher: "undistilled",
  auxiliaries: [],
  learningRate: 0.02,
  course: COURSE,
  stepsInWords: `both the steps at which it is judged, ${JUDGED_STEPS}`,
  steps: makesSteps(JUDGED_STEPS),
  work: () => ({ teacher: 1, student: 0 }),
  fault: makesFault("knowledge"),
  learning: learnsAtAllTimes,
};
