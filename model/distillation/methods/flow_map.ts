/** A flow map: all step counts at once, each learned from steps of half the length. */
import { FLOW_SOLVERS } from "../solvers.ts";
import { COURSE } from "../course.ts";
import { type FlowMapGroup, halvings, makeFlowMapGroups } from "../flow_map_batches.ts";
import { createFlowMapLearner } from "../flow_map_learner.ts";
import { LEVELS } from "../../networks/pair_attention/levels.ts";
import { callsOf } from "../shares.ts";
import {
  batchesOf,
  classesOf,
  type Fault,
  type Method,
  type MethodSettings,
  notFewer,
  startForHeun,
  targetFloor,
} from "./method.ts";

/** The teacher's steps where they are left open, and how often they are halved then. */
const FROM = 32, HALVED = 3;

/** The most steps that a network is told apart. */
const MOST = 2 ** (LEVELS - 1);

/** The step counts that a round learns: the teacher's, and half after half down to the fewest that are asked for. */
const countsOf = ({ from, to, keep }: Pick<MethodSettings, "from" | "to" | "keep">): number[] =>
  halvings(from, Math.min(to, ...keep));

/** The fault of step counts that are no halves of halves of the teacher's, or too many to be told. */
function faultOfCounts({ from, to, keep }: MethodSettings): Fault | undefined {
  if (from > MOST) {
    return {
      field: "from",
      message: `from must be at most ${MOST} for flow-map, whose network is told its steps up to there; got ${from}`,
    };
  }
  const all = halvings(from), others = all.slice(1).join(", ");
  if (!all.includes(to)) {
    return { field: "to", message: `to must be from's ${from} halved, ${others || "which it cannot be"}; got ${to}` };
  }
  const strange = keep.filter((steps) => !all.includes(steps));
  if (strange.length > 0) {
    return {
      field: "keep",
      message: `keep must name from's ${from} or halves of it, ${others}; got ${strange.join(", ")}`,
    };
  }
}

/** Frans et al., "One step diffusion via shortcut models" (2024); Boffi et al., "Flow map matching" (2024). */
export const flowMap: Method<FlowMapGroup> = {
  about:
    "all step counts at once: a step of any length is learned from two of half its length by the student's own moving average, the shortest from the teacher (Frans et al. 2024)",
  variants: ["ddim"],
  solvers: FLOW_SOLVERS,
  networks: ["pair-attention"],
  makes: "steps",
  teacher: "undistilled",
  auxiliaries: [],
  learningRate: 0.001,
  course: COURSE,
  stepsInWords: `from ${FROM} to an eighth, or as far as it halves`,
  steps({ from = FROM, to }) {
    return { from, to: to ?? halvings(from).slice(0, HALVED + 1).at(-1)! };
  },
  work(settings) {
    // The teacher repeats its own and makes two of them; two of all others are the moving average's.
    const { length } = countsOf(settings), { solver, from } = settings;
    return { teacher: (1 + callsOf(solver, from / 2)) / length, student: 2 * (length - 2) / length };
  },
  fault: (settings) => notFewer(settings) ?? faultOfCounts(settings) ?? startForHeun(settings),
  learning(parts, settings) {
    const { to, grid, batch, seed, solver } = settings, { schedule, learner, coupling, teacher } = parts;
    const own = { schedule, coupling, grid, solver, classes: classesOf(parts), of: to },
      plan = { ...own, teacher: teacher.denoiser, counts: countsOf(settings) };
    return {
      learner: createFlowMapLearner(learner, schedule),
      ...batchesOf(
        parts,
        { batch, seed },
        (source, ...which) => makeFlowMapGroups({ ...plan, source }, ...which),
        (source, ...which) => makeFlowMapGroups({ ...plan, source }, ...which, "teacher"),
      ),
      floor: targetFloor(parts),
    };
  },
};
