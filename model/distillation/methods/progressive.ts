/** Progressive distillation: half the steps, round by round. */
import { makeRoundGroups } from "../batches.ts";
import { COURSE } from "../course.ts";
import { batchesOf, type Fault, FIRST_STEPS, type Method, notServed, targetFloor } from "./method.ts";

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
  variantFault(variant, coupling) {
    if (variant === "ddpm" && coupling === "aligned") {
      return "posterior means assume independent noise; a progressive student of a network trained on aligned noise has the variant ddim";
    }
  },
  fault({ from, to, keep }, served): Fault | undefined {
    if (from === 1) return { field: "from", message: "from must be at least 2 to be halved; got 1" };
    if (to !== halved(from)) {
      return { field: "to", message: `a progressive round from ${from} steps goes to ${halved(from)}, not to ${to}` };
    }
    return notServed({ keep }, served);
  },
  learning(parts, { from, to, variant, grid, keep, batch, seed }) {
    const { schedule, learner, coupling, teacher } = parts;
    if (variant === "consistency") throw new RangeError("variant must be ddim or ddpm; got consistency");
    const plan = { schedule, variant, grid, steps: to, teacher: teacher.denoiser, teacherSteps: from, coupling };
    const kept = { kept: keep, keptShare: KEPT_SHARE };
    return {
      learner,
      ...batchesOf(
        parts,
        { batch, seed },
        (source, ...which) => makeRoundGroups({ ...plan, source, ...kept }, ...which),
        (source, ...which) => makeRoundGroups({ ...plan, source }, ...which),
      ),
      floor: targetFloor(parts),
    };
  },
};
