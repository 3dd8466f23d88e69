/** Progressive distillation: half the steps, round by round. */
import { makeRoundGroups, type RoundPlan } from "../batches.ts";
import { COURSE } from "../course.ts";
import { targetEntropy } from "../entropy.ts";
import { type Fault, FIRST_STEPS, heldOutGroups, type Method, posteriorFault } from "./method.ts";

/** Half of a number of steps, as the papers halve: 125 -> 63. */
export const halved = (from: number): number => Math.ceil(from / 2);

/** Share of a batch that repeats what the teacher serves already. */
const KEPT_SHARE = 0.3;

/** Salimans & Ho, "Progressive distillation for fast sampling of diffusion models" (2022); ELPD's two variants. */
export const progressive: Method = {
  about: "half the steps of a teacher, whose two steps the student learns as one (Salimans and Ho 2022)",
  variants: ["ddim", "ddpm"],
  networks: ["pair-attention", "egnn"],
  makes: "steps",
  teacher: "student",
  auxiliaries: [],
  learningRate: 0.001,
  course: COURSE,
  stepsInWords:
    `from the smallest step count in service that a progressive round made, else ${FIRST_STEPS}, to half, rounded up`,
  steps: ({ from: asked, to, smallest = FIRST_STEPS }) => {
    const from = asked ?? smallest;
    return { from, to: to ?? halved(from) };
  },
  // Two calls a step, whether they go on or repeat.
  work: () => ({ teacher: 2, student: 0 }),
  extraGrids: ({ to, keep }) => [2 * to, ...keep.map((steps) => 2 * steps)],
  fault({ variant, from, to, keep }, { coupling, served }): Fault | undefined {
    if (from === 1) return { field: "from", message: "from must be at least 2 to be halved; got 1" };
    if (to !== halved(from)) {
      return { field: "to", message: `a progressive round from ${from} steps goes to ${halved(from)}, not to ${to}` };
    }
    const missing = keep.filter((steps) => !served.includes(steps));
    if (missing.length > 0) {
      const message = `keep must name step counts in service, ${served.join(", ") || "none"}; got ${
        missing.join(", ")
      }`;
      return { field: "keep", message };
    }
    return posteriorFault(variant, coupling);
  },
  learning(parts, { from, to, variant, grid, keep, batch, seed }) {
    const { schedule, source, learner, coupling } = parts;
    if (variant === "consistency") throw new RangeError("variant must be ddim or ddpm; got consistency");
    const plan: RoundPlan = {
      schedule,
      variant,
      grid,
      steps: to,
      teacher: parts.teacher.denoiser,
      teacherSteps: from,
      source,
      coupling,
    };
    const kept = { kept: keep, keptShare: KEPT_SHARE };
    return {
      learner,
      trainGroups: (update) => makeRoundGroups({ ...plan, ...kept }, batch, seed, update),
      heldOutGroups: () =>
        heldOutGroups((size, seed, k) => makeRoundGroups({ ...plan, source: parts.heldOut }, size, seed, k), batch),
      // Squared errors can fall to 0; an EGNN has no others.
      floor: parts.network.type === "egnn" ? () => 0 : (groups) => targetEntropy(plan.teacher.space, groups),
    };
  },
};
