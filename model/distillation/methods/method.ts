/** What a method of distillation is: an entry of the registry in `mod.ts`, which HTTP, the command line, the estimate and the bench go by. */
import type { Coupling } from "../../diffusion/coupling/align.ts";
import type { GridSpec } from "../../diffusion/grids.ts";
import type { Group, Learner } from "../../diffusion/learner.ts";
import type { VARIANTS } from "../../diffusion/samplers/mod.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Card } from "../../models/card.ts";
import type { Boundary } from "../consistency_learner.ts";
import type { CourseOptions } from "../course.ts";
import type { DivergenceSettings } from "../divergences.ts";
import type { ScaleRange } from "../../networks/pair_attention/scale.ts";
import { targetEntropy } from "../entropy.ts";
import type { RoundParts } from "../round.ts";
import type { SolverName } from "../solvers.ts";
import type { LatentSource } from "../source.ts";

/** The sampler whose steps a student makes. */
export type Variant = typeof VARIANTS[number];

/** The share of matching in classes and orders, and the log-SNR that it begins at. */
export interface MatchSettings {
  readonly classes: number;
  readonly from?: number;
}

/** A round's settings, as far as methods look at them; `RoundSettings` has them all. */
export interface MethodSettings {
  readonly variant: Variant;
  readonly from: number;
  readonly to: number;
  readonly grid: GridSpec;
  /** Options of the variant's sampler. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What is matched, of distribution matching, in `to` steps, and in those of `also`; and by which divergence. */
  readonly match: MatchSettings & DivergenceSettings & {
    readonly autoguidance?: number;
    readonly also?: readonly (MatchSettings & { readonly steps: number })[];
  };
  /** The solver of the teacher's steps, and how far consistency distillation's go and where they end; see each method's own. */
  readonly solver?: SolverName;
  readonly skip?: number;
  readonly boundary?: Boundary;
  /** The guidance scales that the student is told, where it learns guided estimates of a teacher that is told none. */
  readonly guidance?: ScaleRange;
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

/** Batches of a round. */
export interface Batches<G> {
  readonly trainGroups: (update: number) => G[] | Promise<G[]>;
  /** The same for every round of a method and its settings. */
  readonly heldOutGroups: () => Promise<G[]>;
}

/** What is learned, and from what. */
export interface Learning<G extends Pick<Group, "shape"> = Group> extends Batches<G> {
  readonly learner: Learner<G>;
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
  /** Whether the variant's sampler may have options of its own. */
  readonly takesOptions?: true;
  /** Whether it learns from a set of molecules that `data` names, and so is to draw others than its teacher; grid, options and clamp are then the card's recommended ones where none are asked. */
  readonly takesData?: true;
  /** Whether it can be told what to match. */
  readonly takesMatch?: true;
  /** Solvers of its teacher's steps, where it can be told which; the default first. */
  readonly solvers?: readonly [SolverName, ...SolverName[]];
  /** Whether it can be told how many of its teacher's steps to skip (`skip`) and what is the target at the last (`boundary`). */
  readonly takesSkip?: true;
  /** Whether it tells its students the properties that their teacher is told. */
  readonly takesConditions?: true;
  /** Where it can tell them how far to be guided: the scales where none are asked, if it always does. */
  readonly guidance?: { readonly always?: ScaleRange };
  /** Whether `keep` names step counts of students in service, whose word its student keeps there with their grids and samplers. */
  readonly keepsStudents?: true;
  /** Networks that it teaches. */
  readonly networks: readonly Card["denoiser"]["type"][];
  /** Step counts of the teacher's model, or a model of its own. */
  readonly makes: "steps" | "model";
  /** Whether a model that is made begins as its teacher, and has its size; else its size may be another, and its weights begin at random. */
  readonly keepsSize?: true;
  /** Its teacher: the student of `from` steps where there is one, or always the undistilled network. */
  readonly teacher: "student" | "undistilled";
  /** Networks beside the student, of the teacher's shape and begun from its values, by name. */
  readonly auxiliaries: readonly string[];
  /** Those that some settings take beside them. */
  auxiliariesBeside?(settings: MethodSettings): readonly string[];
  /** Whether these are told the number of steps, as the student is. */
  readonly tellsAuxiliaries?: true;
  /** Limit of the decay of the moving average of the student's weights, which is what is judged and served. Default {@link AVERAGE}. */
  readonly average?: number;
  /** Muon's learning rate where none is asked. */
  readonly learningRate: number;
  readonly course: CourseOptions;
  /** The teacher's and the student's steps, in words for help and docs, and by rule. */
  readonly stepsInWords: string;
  steps(asked: AskedSteps): { from: number; to: number };
  work(settings: MethodSettings): Work;
  /** Step counts at which grids are needed, beside the student's and the teacher's own. */
  extraGrids?(settings: MethodSettings): readonly number[];
  /** Why it cannot have one of its variants for a network trained on noise of this coupling; undefined where it can. */
  variantFault?(variant: Variant, coupling: Coupling): string | undefined;
  /** What is wrong with settings, beyond what `roundFault` finds for all methods. `served`: step counts in service. */
  fault(settings: MethodSettings, served: readonly number[]): Fault | undefined;
  learning(parts: RoundParts, settings: MethodSettings): Learning<G>;
}

/** A method whose groups are its own business. */
// deno-lint-ignore no-explicit-any -- a registry of methods over several kinds of groups; each `learning` is whole in itself
export type AnyMethod = Method<any>;

/** All networks beside the student that a round takes, by name. */
export const auxiliariesOf = (method: AnyMethod, settings: MethodSettings): string[] => [
  ...method.auxiliaries,
  ...method.auxiliariesBeside?.(settings) ?? [],
];

/** A moving average over some 500 updates. */
export const AVERAGE = 0.998;

/** Steps that a first round begins at, of a model without students. */
export const FIRST_STEPS = 128;

/** Seed, number and size of held-out batches. */
const HELD_OUT = { seed: 20_100, batches: 4, batch: 128 };

/** A method's way to make batches: of some molecules, from a source, for a seed and a number. */
export type MakeGroups<G> = (source: LatentSource, size: number, seed: number, k: number) => G[] | Promise<G[]>;

/** The batches that a round trains on and those that are held out, by the same way of making them but for what `heldOut` leaves out. */
export function batchesOf<G>(
  { source, heldOut }: Pick<RoundParts, "source" | "heldOut">,
  { batch, seed }: Pick<MethodSettings, "batch" | "seed">,
  make: MakeGroups<G>,
  makeHeldOut: MakeGroups<G> = make,
): Batches<G> {
  return {
    trainGroups: (update) => make(source, batch, seed, update),
    async heldOutGroups() {
      const all: G[] = [], size = Math.min(batch, HELD_OUT.batch);
      for (let k = 0; k < HELD_OUT.batches; k++) all.push(...await makeHeldOut(heldOut, size, HELD_OUT.seed, k));
      return all;
    },
  };
}

/** The space of a student whose scalars and pairs are classes and bond orders; an EGNN's are plain numbers. */
export const classesOf = ({ network, teacher }: RoundParts): LatentSpace | undefined =>
  network.type === "egnn" ? undefined : teacher.denoiser.space;

/** What no student can take from the loss of a teacher's targets. Squared errors can fall to 0; an EGNN has no others. */
export const targetFloor = ({ network, teacher }: RoundParts): Learning["floor"] =>
  network.type === "egnn" ? () => 0 : (groups) => targetEntropy(teacher.denoiser.space, groups);

/** The steps of a method that makes a model: both those at which it is judged, so many where none are asked. */
export const makesSteps = (judged: number): Method["steps"] => ({ from, to }) => ({
  from: from ?? to ?? judged,
  to: to ?? from ?? judged,
});

/** What is wrong with the steps of a method that makes a model. */
export const makesFault = (name: string): Method["fault"] => ({ from, to, keep }) => {
  if (to !== from) {
    return { field: "to", message: `to must be from's ${from}, as ${name} keeps the number of steps; got ${to}` };
  }
  if (keep.length > 0) return { field: "keep", message: `keep is not for ${name}, which makes a model of its own` };
};

/** The fault of step counts that are to be kept, and are not in service. */
export function notServed({ keep }: Pick<MethodSettings, "keep">, served: readonly number[]): Fault | undefined {
  const missing = keep.filter((steps) => !served.includes(steps));
  if (missing.length === 0) return undefined;
  const message = `keep must name step counts in service, ${served.join(", ") || "none"}; got ${missing.join(", ")}`;
  return { field: "keep", message };
}

/** The fault of a student that is to go to fewer steps at once, and would not. */
export const notFewer = ({ from, to }: Pick<MethodSettings, "from" | "to">): Fault | undefined =>
  to >= from ? { field: "to", message: `to must be below from's ${from}; got ${to}` } : undefined;

/** The fault of Heun's steps from noise alone. */
export const startForHeun = ({ solver, grid }: Pick<MethodSettings, "solver" | "grid">): Fault | undefined =>
  solver !== "heun" || (grid.type === "logSnr" && grid.start) ? undefined : {
    field: "solver",
    message: "solver heun is for a grid with a start: its steps are in sigma / alpha, which has no end at noise alone",
  };
