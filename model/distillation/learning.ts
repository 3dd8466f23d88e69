/** The methods of distillation as a training loop sees them: a learner and its batches. */
import type { Group, Learner } from "../diffusion/learner.ts";
import { makeKnowledgeGroups, makeRoundGroups, type RoundPlan } from "./batches.ts";
import { targetEntropy } from "./entropy.ts";
import { makeMomentGroups, type MomentGroup, type MomentPlan } from "./moments_batches.ts";
import { createMomentsLearner } from "./moments_learner.ts";
import type { RoundParts } from "./round.ts";
import type { RoundSettings } from "./settings.ts";

/** What is learned, and from what. */
export interface Learning<G extends Pick<Group, "shape">> {
  readonly learner: Learner<G>;
  readonly trainGroups: (update: number) => G[] | Promise<G[]>;
  /** The same for every round of a method and its settings. */
  readonly heldOutGroups: () => Promise<G[]>;
  /** What no student can take from the loss of these groups. */
  readonly floor: (groups: readonly G[]) => number;
}

/** Share of a batch that repeats what the teacher serves already. */
const KEPT_SHARE = 0.3;

/** Seed and number of held-out batches. */
const HELD_OUT = { seed: 20_100, batches: 4, batch: 128 };

async function heldOut<G>(
  make: (size: number, seed: number, k: number) => G[] | Promise<G[]>,
  batch: number,
): Promise<G[]> {
  const all: G[] = [];
  for (let k = 0; k < HELD_OUT.batches; k++) all.push(...await make(Math.min(batch, HELD_OUT.batch), HELD_OUT.seed, k));
  return all;
}

/** `progressive` and `knowledge`: the student learns what the teacher makes of noisy molecules. */
export function teacherLearning(parts: RoundParts, settings: RoundSettings): Learning<Group> {
  const { method, from, to, variant, grid, keep, batch, seed } = settings;
  const { schedule, source, learner, coupling } = parts, kept = { kept: keep, keptShare: KEPT_SHARE };
  if (variant === "consistency") throw new RangeError("a teacher's two steps are ddim or ddpm, not consistency");
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
  const make = method === "progressive" ? makeRoundGroups : makeKnowledgeGroups;
  return {
    learner,
    trainGroups: (update) => make({ ...plan, ...kept }, batch, seed, update),
    heldOutGroups: () => heldOut((size, seed, k) => make({ ...plan, source: parts.heldOut }, size, seed, k), batch),
    // Squared errors can fall to 0; an EGNN has no others.
    floor: parts.network.type === "egnn" ? () => 0 : (groups) => targetEntropy(plan.teacher.space, groups),
  };
}

/** `moments`: the student learns from what teacher and auxiliary say of its own molecules. */
export function momentsLearning(parts: RoundParts, settings: RoundSettings): Learning<MomentGroup> {
  const { to, keep, grid, batch, seed, variant } = settings;
  const { schedule, source, auxiliary, learner: student, coupling } = parts;
  const { denoiser: teacher } = parts.teacher;
  if (!auxiliary) throw new TypeError("moments need an auxiliary network");
  if (variant === "ddim") throw new RangeError("moments draw at each step: ddpm or consistency, not ddim");
  const plan: MomentPlan = { schedule, grid, variant, coupling, source, space: teacher.space, serves: [to, ...keep] };
  return {
    learner: createMomentsLearner({ student, auxiliary, teacher, coupling }),
    trainGroups: (update) => makeMomentGroups(plan, batch, seed, update),
    heldOutGroups: () =>
      heldOut((size, seed, k) => makeMomentGroups({ ...plan, source: parts.heldOut }, size, seed, k), batch),
    floor: () => 0,
  };
}
