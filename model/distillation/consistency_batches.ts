/** Batches of consistency distillation: noisy latents, and where a step of the teacher's solver leads from them. */
import { conditioned } from "../diffusion/condition.ts";
import { PURPOSE, type Random, random } from "../diffusion/random.ts";
import { applyStep } from "../diffusion/samplers/mod.ts";
import type { Grid } from "../diffusion/types.ts";
import { groupOf, shuffled, studentWeights } from "./batches.ts";
import type { Boundary, ConsistencyGroup } from "./consistency_learner.ts";
import { type Departure, type DeparturePlan, gridOf, latentsAt, teacherAt } from "./departures.ts";
import { type FlowSolver, type SolverCall, solverStep } from "./solvers.ts";
import type { CleanLatents } from "./source.ts";

/** What all batches of a round have in common. The times of the teacher's steps are the fine grid that is learned on. */
export interface ConsistencyPlan extends DeparturePlan {
  readonly solver: FlowSolver;
  /** Intervals of the fine grid that a step of the solver goes over. */
  readonly skip: number;
  readonly boundary: Boundary;
}

/** A departure at a place of the fine grid. */
interface Place extends Departure {
  readonly place: number;
}

/** Share of a batch that is at times of the student's own steps; the rest is anywhere on the fine grid, by which what is known of the end gets there. */
const OWN_SHARE = 0.5;

/** Departures of a batch, each number of steps in an equal share. */
function placesOf({ serves, teacherSteps }: ConsistencyPlan, times: Grid, batch: number, stream: Random): Place[] {
  const own = Math.round(OWN_SHARE * batch);
  return shuffled(batch, stream).map((k) => {
    const steps = serves[k % serves.length];
    // Time i of n is time i N / n of N, to the one before where that is none.
    const place = k < own
      ? Math.floor(stream.integer(steps) * teacherSteps / steps)
      : Math.floor(teacherSteps * (k - own + stream.uniform()) / (batch - own));
    return { steps, place, t: times[place], first: place === 0 };
  });
}

/** A molecule on its way to its next time. */
interface Going {
  readonly row: number;
  readonly to: number;
  readonly calls: readonly SolverCall[];
  readonly z: Float32Array;
}

/** Carries the solver's calls out on each one's own `z`, in place. The first estimates are `first`. */
async function solve(going: readonly Going[], first: readonly Float32Array[], nodes: number, plan: ConsistencyPlan) {
  const noNoise = () => new Float32Array(0);
  let before: readonly Float32Array[] = [], x0 = first;
  for (let k = 0; going.length > 0 && k < going[0].calls.length; k++) {
    if (k > 0) x0 = await teacherAt(plan, nodes, going.map(({ z, calls }) => ({ z, t: calls[k].t })));
    going.forEach(({ z, calls }, i) => applyStep(calls[k], z, x0[i], noNoise, k > 0 ? [before[i]] : []));
    before = x0;
  }
}

/** One size's group: see {@link makeConsistencyGroups}. */
async function groupAt(
  clean: CleanLatents,
  places: readonly Place[],
  times: Grid,
  plan: ConsistencyPlan,
  stream: Random,
): Promise<ConsistencyGroup> {
  const { schedule, solver, skip, boundary } = plan, { nodes } = clean.shape, last = times.length - 2;
  const z = await latentsAt(clean, places, plan, stream), length = z.length / places.length;
  const rowOf = (row: number) => z.slice(row * length, (row + 1) * length);
  const going = places.flatMap(({ place, t }, row): Going[] => {
    if (place === last) return [];
    const to = times[Math.min(place + skip, last)];
    return [{ row, to, calls: solverStep(solver, schedule, t, to), z: rowOf(row) }];
  });
  const ends = boundary === "data" ? [] : places.flatMap(({ place, t }, row) => place === last ? [{ row, t }] : []);
  const asked = [...going.map(({ row }) => row), ...ends.map(({ row }) => row)];
  const first = await teacherAt(plan, nodes, asked.map((row) => ({ z: rowOf(row), t: places[row].t })));
  const target = clean.target.slice();
  ends.forEach(({ row }, i) => target.set(first[going.length + i], row * length));
  await solve(going, first, nodes, plan);
  const group = groupOf(clean, z, target, places, schedule, studentWeights);
  if (going.length === 0) return group;
  const later = new Float32Array(going.length * length), rows = going.map(({ row }) => row);
  going.forEach((one, i) => later.set(one.z, i * length));
  const conditions = going.map(({ row, to: time }) => ({ time, steps: places[row].steps }));
  const shape = { batch: going.length, nodes };
  return { ...group, next: { rows, asked: { shape, z: later, ...conditioned(conditions, schedule) } } };
}

/**
 * One update's groups: Song et al., "Consistency models" (2023), algorithm 2; Luo et al., "Latent consistency models" (2023), section 4.3, whose step of
 * the solver skips intervals of the teacher's grid. Molecules at a time of the fine grid, and where one step of the solver leads from them, `skip` intervals on or to the last
 * time; those at the last time have the boundary for their target. A function of seed and update alone (as far as the teacher's arithmetic is).
 */
export async function makeConsistencyGroups(
  plan: ConsistencyPlan,
  batch: number,
  seed: number,
  update: number,
): Promise<ConsistencyGroup[]> {
  const stream = random(seed, update, PURPOSE.consistency), times = gridOf(plan, plan.teacherSteps);
  const places = placesOf(plan, times, batch, stream), groups: ConsistencyGroup[] = [];
  let at = 0;
  // One after another, as what is drawn for a start is drawn between.
  for (const clean of plan.source.draw(batch, stream)) {
    groups.push(await groupAt(clean, places.slice(at, at += clean.shape.batch), times, plan, stream));
  }
  return groups;
}
