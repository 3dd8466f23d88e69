/** Distribution matching: few steps, learned on the student's own samplings. */
import { startsOf } from "../../models/settings.ts";
import { COURSE } from "../course.ts";
import { makeMatchingGroups, type MatchingGroup, type MatchingPlan } from "../matching_batches.ts";
import { createMatchingLearner } from "../matching_learner.ts";
import { halved } from "./progressive.ts";
import { batchesOf, FIRST_STEPS, type Method, notFewer } from "./method.ts";

/** Estimates of a held-out batch: nothing is learned from their loss, which says how far apart the two denoisers are. */
const HELD_OUT = 16;

/** Yin et al., "One-step diffusion with distribution matching distillation" (2024), on the student's own samplings (their second paper, 2024). */
export const matching: Method<MatchingGroup> = {
  about:
    "any number of steps at once: the student's own samplings are led to the data's distribution by the difference of two denoisers (Yin et al. 2024)",
  variants: ["consistency"],
  takesOptions: true,
  networks: ["pair-attention"],
  makes: "steps",
  teacher: "undistilled",
  auxiliaries: ["auxiliary"],
  learningRate: 0.001,
  // There is no loss that falls, and stability rises as long as the round goes: it ends with its time.
  course: { ...COURSE, patience: Infinity },
  stepsInWords: `from ${FIRST_STEPS} to half`,
  steps: ({ from = FIRST_STEPS, to }) => ({ from, to: to ?? halved(from) }),
  // For each estimate that the student learns from: two of the teacher; its own, the auxiliary's and that's two updates.
  work: () => ({ teacher: 2, student: 8 }),
  fault: notFewer,
  learning(parts, { to, keep, grid, batch, seed, variant, options }) {
    const { schedule, auxiliaries: { auxiliary }, learner: student, coupling, card, teacher: { denoiser } } = parts;
    const serves = [to, ...keep], startsAt: MatchingPlan["startsAt"] = (first) => startsOf(card, grid, first);
    const plan = { schedule, grid, variant, options, serves, startsAt };
    return {
      learner: createMatchingLearner({ student, auxiliary, teacher: denoiser, coupling, schedule, options }),
      ...batchesOf(
        parts,
        { batch, seed },
        (source, ...which) => makeMatchingGroups({ ...plan, source }, ...which),
        (source, _, ...which) => makeMatchingGroups({ ...plan, source }, HELD_OUT, ...which),
      ),
      floor: () => 0,
    };
  },
};
