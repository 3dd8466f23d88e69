/** Moment matching: any number of steps at once. */
import { COURSE } from "../course.ts";
import { makeMomentGroups, type MomentGroup } from "../moments_batches.ts";
import { createMomentsLearner } from "../moments_learner.ts";
import { halved } from "./progressive.ts";
import { batchesOf, FIRST_STEPS, type Method, notFewer } from "./method.ts";

/** Salimans, Mensink, Heek & Hoogeboom, "Multistep distillation of diffusion models via moment matching" (2024). */
export const moments: Method<MomentGroup> = {
  about: "any number of steps at once, by moment matching with an auxiliary network (Salimans et al. 2024)",
  variants: ["ddpm", "consistency"],
  networks: ["pair-attention"],
  makes: "steps",
  teacher: "undistilled",
  auxiliaries: ["auxiliary"],
  learningRate: 0.002,
  // There is no loss that falls: stability alone tells, and it is noisy.
  course: { ...COURSE, patience: 6 },
  stepsInWords: `from ${FIRST_STEPS} to half`,
  steps: ({ from = FIRST_STEPS, to }) => ({ from, to: to ?? halved(from) }),
  // The auxiliary learns beside the student, which also draws the molecules that it learns on.
  work: () => ({ teacher: 1, student: 4 }),
  fault: notFewer,
  learning(parts, { to, keep, grid, batch, seed, variant }) {
    const { schedule, auxiliaries: { auxiliary }, learner: student, coupling } = parts;
    const { denoiser: teacher } = parts.teacher;
    if (variant === "ddim") throw new RangeError("variant must be ddpm or consistency; got ddim");
    const plan = { schedule, grid, variant, coupling, space: teacher.space, serves: [to, ...keep] };
    return {
      learner: createMomentsLearner({ student, auxiliary, teacher, coupling }),
      ...batchesOf(parts, { batch, seed }, (source, ...which) => makeMomentGroups({ ...plan, source }, ...which)),
      floor: () => 0,
    };
  },
};
