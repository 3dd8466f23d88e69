/** What a method of distillation is: an entry of the registry in `mod.ts`, which HTTP, the command line, the estimate and the bench go by. */
import type { Coupling } from "../../diffusion/coupling/align.ts";
import type { GridSpec } from "../../diffusion/grids.ts";
import type { Group, Learner } from "../../diffusion/learner.ts";
import type { VARIANTS } from "../../diffusion/samplers/mod.ts";
import type { Card } from "../../models/card.ts";
import type { CourseOptions } from "../course.ts";
import type { RoundParts } from "../round.ts";

/** The sampler whose steps a student makes. */
export type Variant = typeof VARIANTS[number];

/** A round's settings, as far as methods look at them; `RoundSettings` has them all. */
export interface MethodSettings {
  readonly variant: Variant;
  readonly from: number;
  readonly to: number;
  readonly grid: GridSpec;
  /** The time below which estimates are clamped in service. */
  readonly clamp: number;
  readonly keep: readonly number[];
  readonly batch: number;
  readonly seed: number;
}

/** What a round's settings get wrong. */
export interface Fault {
  readonly field: string;
  readonly message: string;
}

/** What of a card methods look at. */
export interface MethodCard extends Pick<Card, "coupling"> {
  /** Step counts in service. */
  readonly served: readonly number[];
}

/** What is learned, and from what. */
export interface Learning<G extends Pick<Group, "shape"> = Group> {
  readonly learner: Learner<G>;
  readonly trainGroups: (update: number) => G[] | Promise<G[]>;
  /** The same for every round of a method and its settings. */
  readonly heldOutGroups: () => Promise<G[]>;
  /** What no student can take from the loss of these groups. */
  readonly floor: (groups: readonly G[]) => number;
}

/** Calls of networks that an update takes, in forward calls of the teacher's size a molecule, beside what the student learns by. */
export interface Work {
  readonly teacher: number;
  /** Of the student's size: of auxiliary networks, and of what the student is asked before it learns. */
  readonly student: number;
}

/** Steps that a request leaves open or not. */
export interface AskedSteps {
  readonly from?: number;
  readonly to?: number;
  /** The smallest step count in service of a student of this very method. */
  readonly smallest?: number;
}

/** A method of distillation. */
export interface Method<G extends Pick<Group, "shape"> = Group> {
  /** In a sentence, with its source. */
  readonly about: string;
  /** What it can make of samplers, the default first. */
  readonly variants: readonly [Variant, ...Variant[]];
  /** Networks that it teaches. */
  readonly networks: readonly Card["denoiser"]["type"][];
  /** Step counts of the teacher's model, or a model of its own, of another size, whose weights begin at random. */
  readonly makes: "steps" | "model";
  /** Its teacher: the student of `from` steps where there is one, or always the undistilled network. */
  readonly teacher: "student" | "undistilled";
  /** Networks beside the student, of the teacher's shape and begun from its values, by name. */
  readonly auxiliaries: readonly string[];
  /** Muon's learning rate where none is asked. */
  readonly learningRate: number;
  readonly course: CourseOptions;
  /** The teacher's and the student's steps, in words for help and docs, and by rule. */
  readonly stepsInWords: string;
  steps(asked: AskedSteps): { from: number; to: number };
  work(settings: MethodSettings): Work;
  /** Step counts at which grids are needed, beside the student's and the teacher's own. */
  extraGrids?(settings: MethodSettings): readonly number[];
  /** What is wrong with settings, beyond what `roundFault` finds for all methods. */
  fault(settings: MethodSettings, card: MethodCard): Fault | undefined;
  learning(parts: RoundParts, settings: MethodSettings): Learning<G>;
}

/** A method whose groups are its own business. */
// deno-lint-ignore no-explicit-any -- a registry of methods over several kinds of groups; each `learning` is whole in itself
export type AnyMethod = Method<any>;

/** Steps that a first round begins at, of a model without students. */
export const FIRST_STEPS = 128;

/** Seed, number and size of held-out batches. */
const HELD_OUT = { seed: 20_100, batches: 4, batch: 128 };

/** The held-out batches of a method, by its way to make one of a size, a seed and a number. */
export async function heldOutGroups<G>(
  make: (size: number, seed: number, k: number) => G[] | Promise<G[]>,
  batch: number,
): Promise<G[]> {
  const all: G[] = [];
  for (let k = 0; k < HELD_OUT.batches; k++) all.push(...await make(Math.min(batch, HELD_OUT.batch), HELD_OUT.seed, k));
  return all;
}

/** Why a variant does not suit noise of this coupling; of all methods whose target is a mean of DDPM's posterior. */
export const posteriorFault = (variant: Variant, coupling: Coupling): Fault | undefined =>
  variant === "ddpm" && coupling === "aligned"
    ? {
      field: "variant",
      message:
        "posterior means assume independent noise; a progressive student of a network trained on aligned noise has the variant ddim",
    }
    : undefined;
