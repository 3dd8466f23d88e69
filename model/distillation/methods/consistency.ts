/** Consistency distillation: at every time of the teacher's grid the student says what it says a step of the teacher on. */
import { makeConsistencyGroups } from "../consistency_batches.ts";
import { BOUNDARIES, type ConsistencyGroup, createConsistencyLearner } from "../consistency_learner.ts";
import { NOTHING_TOLD } from "../../training/conditions.ts";
import { COURSE } from "../course.ts";
import { departurePlan } from "../departures.ts";
import { callsOfSolver, FLOW_SOLVERS } from "../solvers.ts";
import {
  batchesOf,
  type Fault,
  type Method,
  type MethodSettings,
  notFewer,
  startForHeun,
  targetFloor,
} from "./method.ts";
import { halved } from "./progressive.ts";
import { makeRolloutGroups } from "./rollout.ts";

/** Steps of the teacher, which are the fine grid, and of the student, where nothing is said. */
const FINE = 64, STEPS = 4;

/** What is left open, filled in. */
const filled = ({ solver, skip = 1, boundary = BOUNDARIES[0] }: MethodSettings) => ({
  solver: FLOW_SOLVERS.find((name) => name === solver) ?? FLOW_SOLVERS[0],
  skip,
  boundary,
});

/**
 * Song, Dhariwal, Chen & Sutskever, "Consistency models" (2023), algorithm 2, and with `skip` Luo, Tan, Huang, Li & Zhao, "Latent consistency models"
 * (2023). Its held-out loss is that of rollouts: how far the student is from where its teacher's whole deterministic sampling ends, which is the function
 * that it is to learn.
 */
export const consistency: Method<ConsistencyGroup> = {
  about:
    "any few steps at once: the student's word at a time is to be its own moving average's a step of the teacher's solver on (Song et al. 2023, Luo et al. 2023)",
  variants: ["consistency"],
  solvers: FLOW_SOLVERS,
  takesSkip: true,
  networks: ["pair-attention"],
  makes: "steps",
  takesConditions: true,
  guidance: {},
  teacher: "undistilled",
  auxiliaries: [],
  learningRate: 0.002,
  course: COURSE,
  stepsInWords: `from ${FINE} to ${STEPS}`,
  steps: ({ from = FINE, to }) => ({ from, to: to ?? Math.min(STEPS, halved(from)) }),
  // The solver's calls, but for those few at the last time, twice where they are guided; and the moving average's.
  work(settings) {
    const calls = callsOfSolver(filled(settings).solver);
    return { teacher: settings.guidance ? calls * (2 - NOTHING_TOLD) : calls, student: 1 };
  },
  fault(settings): Fault | undefined {
    const { from, skip } = settings;
    if (skip !== undefined && skip >= from) {
      const message = from === 2
        ? `skip must be 1 of from's 2 steps; got ${skip}`
        : `skip must be 1 to ${from - 1} of from's ${from} steps; got ${skip}`;
      return { field: "skip", message };
    }
    return notFewer(settings) ?? startForHeun(settings);
  },
  learning(parts, settings) {
    const plan = departurePlan(parts, settings), own = { ...plan, ...filled(settings) };
    return {
      learner: createConsistencyLearner(parts.learner),
      ...batchesOf<ConsistencyGroup>(
        parts,
        settings,
        (source, ...which) => makeConsistencyGroups({ ...own, source }, ...which),
        (source, ...which) => makeRolloutGroups({ ...plan, source }, ...which),
      ),
      floor: targetFloor(parts),
    };
  },
};
