/** Guided distillation, first stage: a network that is told how far to be guided says in one call what guidance takes two for. */
import { COURSE } from "../course.ts";
import { NOTHING_TOLD } from "../../training/conditions.ts";
import { JUDGED_STEPS, learnsAtAllTimes } from "./knowledge.ts";
import { makesFault, makesSteps, type Method } from "./method.ts";

/** The scales where none are asked: from the estimate without properties to well beyond the one with them. */
const SCALES = { first: 0, last: 4 };

/** Meng, Rombach, Gao, Kingma, Ermon, Ho & Salimans, "On distillation of guided diffusion models" (2023), section 3.1. */
export const guided: Method = {
  about:
    "the network of a model that is told properties, told how far to be guided as well, as a model of its own: one call of it at any time is to say what guidance takes two for (Meng et al. 2023)",
  // It teaches no sampler; the name says nothing.
  variants: ["ddim", "ddpm"],
  networks: ["pair-attention"],
  makes: "model",
  keepsSize: true,
  takesConditions: true,
  guidance: { always: SCALES },
  teacher: "undistilled",
  auxiliaries: [],
  learningRate: 0.002,
  course: COURSE,
  stepsInWords: `both the steps at which it is judged, ${JUDGED_STEPS}`,
  steps: makesSteps(JUDGED_STEPS),
  work: () => ({ teacher: 2 - NOTHING_TOLD, student: 0 }),
  fault: makesFault("guided"),
  learning: learnsAtAllTimes,
};
