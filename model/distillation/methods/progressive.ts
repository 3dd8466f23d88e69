/** Progressive distillation: half the steps, round by round. */
import { makeRoundGroups } from "../batches.ts";
import { COURSE } from "../course.ts";
import { callsOf } from "../shares.ts";
import { FLOW_SOLVERS, SOLVERS } from "../solvers.ts";
import {
  batchesOf,
  classesOf,
  type Fault,
  FIRST_STEPS,
  type Method,
  type MethodSettings,
  notServed,
  startForHeun,
  targetFloor,
} from "./method.ts";

/** Half of a number of steps, as the papers halve: 125 -> 63. */
export const halved = (from: number): number => Math.ceil(from / 2);

/** Share of a batch that repeats what the teacher serves already. */
const KEPT_SHARE = 0.3;

/** What is wrong with a solver of a higher order, or one that draws noise. */
function faultOfSolver({ solver, variant, from, grid }: MethodSettings, served: readonly number[]): Fault | undefined {
  const fault = (message: string) => ({ field: "solver", message });
  if (solver === undefined || solver === variant) return undefined;
  if (variant !== "ddim" || solver === "ddpm") {
    return fault(
      `solver must be ${
        variant === "ddim" ? FLOW_SOLVERS.join(" or ") : variant
      } for the variant ${variant}; got ${solver}`,
    );
  }
  if (served.includes(from)) {
    return fault(
      `solver must be ddim where the teacher is a student, here that of ${from} steps, which knows DDIM's steps only; got ${solver}`,
    );
  }
  return startForHeun({ solver, grid });
}

/** Salimans & Ho, "Progressive distillation for fast sampling of diffusion models" (2022); ELPD's two variants. */
export const progressive: Method = {
  about: "half the steps of a teacher, whose two steps the student learns as one (Salimans and Ho 2022)",
  variants: ["ddim", "ddpm"],
  solvers: SOLVERS,
  networks: ["pair-attention", "egnn"],
  makes: "steps",
  takesConditions: true,
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
  // Of the solver's calls, whether they go on or repeat.
  work: ({ solver, to }) => ({ teacher: callsOf(solver, to), student: 0 }),
  extraGrids: ({ to, keep }) => [2 * to, ...keep.map((steps) => 2 * steps)],
  variantFault(variant, coupling) {
    if (variant === "ddpm" && coupling === "aligned") {
      return "posterior means assume independent noise; a progressive student of a network trained on aligned noise has the variant ddim";
    }
  },
  fault(settings, served): Fault | undefined {
    const { from, to } = settings;
    if (from === 1) return { field: "from", message: "from must be at least 2 to be halved; got 1" };
    if (to !== halved(from)) {
      return { field: "to", message: `a progressive round from ${from} steps goes to ${halved(from)}, not to ${to}` };
    }
    return notServed(settings, served) ?? faultOfSolver(settings, served);
  },
  learning(parts, { from, to, variant, solver, grid, keep, batch, seed }) {
    const { schedule, learner, coupling, teacher } = parts;
    if (variant === "consistency") throw new RangeError("variant must be ddim or ddpm; got consistency");
    const own = { schedule, variant, solver, classes: classesOf(parts), grid, steps: to },
      plan = { ...own, teacher: teacher.denoiser, teacherSteps: from, coupling };
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
