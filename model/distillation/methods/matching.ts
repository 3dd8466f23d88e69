/** Distribution matching: few steps, learned on the student's own samplings. */
import { startsOf } from "../../models/settings.ts";
import { autoguidanceOf, guidedBy } from "../../networks/heavy_atom/autoguide.ts";
import { COURSE } from "../course.ts";
import {
  type KeptGroup,
  makeKeptGroups,
  makeMatchingGroups,
  type MatchingGroup,
  type MatchingPlan,
} from "../matching_batches.ts";
import { alphaFault, divergenceOf, DIVERGENCES, type Lead } from "../divergences.ts";
import { createMatchingLearner, leadOf } from "../matching_learner.ts";
import { halved } from "./progressive.ts";
import type { LatentSource } from "../source.ts";
import {
  batchesOf,
  type Fault,
  FIRST_STEPS,
  type Method,
  type MethodSettings,
  notFewer,
  notServed,
  type Work,
} from "./method.ts";

/** Estimates of a held-out batch: nothing is learned from their loss, which says how far apart the two denoisers are. */
const HELD_OUT = 16;

/** What students in service say, where it is kept, as a share of the estimates of a batch. */
const KEPT_SHARE = 0.3;

/** The fault of step counts that are to be matched beside, and are not kept. */
function notKept({ keep, match: { also = [] } }: MethodSettings): Fault | undefined {
  const missing = also.map(({ steps }) => steps).filter((steps, k, all) =>
    !keep.includes(steps) || all.indexOf(steps) < k
  );
  if (missing.length === 0) return undefined;
  const message = `match.also must name step counts of keep, each once: ${keep.join(", ") || "none"}; got ${
    missing.join(", ")
  }`;
  return { field: "match", message };
}

/** Calls for each estimate that the student learns from, by what leads it: of the teacher; and its own, the auxiliary's, and that's two updates. */
const WORK: Readonly<Record<Lead, Work>> = {
  difference: { teacher: 2, student: 8 },
  own: { teacher: 2, student: 1 },
  // Beside the same, back through both.
  identity: { teacher: 2, student: 14 },
};

/** Calls of the teacher for each of its words: another of its weaker self's where it is guided. */
const callsOf = ({ match: { autoguidance } }: Pick<MethodSettings, "match">) =>
  autoguidanceOf({ autoguidance }) === undefined ? 1 : 2;

/** The fault of a guided teacher that a gradient is to go through. */
function notThrough(settings: MethodSettings): Fault | undefined {
  if (callsOf(settings) === 1 || divergenceIn(settings).lead !== "identity") return undefined;
  const message =
    `match.autoguidance must be absent for ${settings.match.divergence}, whose gradient goes through the teacher`;
  return { field: "match", message };
}

/** What leads the student. */
const divergenceIn = ({ match: { divergence = DIVERGENCES[0] } }: Pick<MethodSettings, "match">) =>
  divergenceOf(divergence);

/** The fault of an alpha that the divergence does not take. */
function notTaken({ match }: MethodSettings): Fault | undefined {
  const message = alphaFault(match);
  return message === undefined ? undefined : { field: "match", message };
}

/** Yin et al., "One-step diffusion with distribution matching distillation" (2024), on the student's own samplings (their second paper, 2024). */
export const matching: Method<MatchingGroup | KeptGroup> = {
  about:
    "any number of steps at once: the student's own samplings are led to the data's distribution by the difference of two denoisers (Yin et al. 2024)",
  variants: ["consistency"],
  takesOptions: true,
  takesMatch: true,
  keepsStudents: true,
  networks: ["pair-attention"],
  makes: "steps",
  teacher: "undistilled",
  auxiliaries: ["auxiliary"],
  auxiliariesBeside: (settings) => divergenceIn(settings).lead === "identity" ? ["frozen"] : [],
  tellsAuxiliaries: true,
  average: 0.999,
  learningRate: 0.001,
  // There is no loss that falls, and stability rises as long as the round goes: it ends with its time.
  course: { ...COURSE, patience: Infinity },
  stepsInWords: `from ${FIRST_STEPS} to half`,
  steps: ({ from = FIRST_STEPS, to }) => ({ from, to: to ?? halved(from) }),
  work(settings) {
    const { lead, weight } = divergenceIn(settings), { teacher, student } = WORK[lead];
    // A critic is told of the data's molecules, too.
    return { teacher: callsOf(settings) * (weight ? teacher + 1 : teacher), student };
  },
  fault: (settings, served) =>
    notFewer(settings) ?? notServed(settings, served) ?? notKept(settings) ?? notTaken(settings) ??
      notThrough(settings),
  learning(parts, { to, grid, batch, seed, variant, options, clamp, match }) {
    const {
      schedule,
      autoencoder,
      auxiliaries: { auxiliary, frozen },
      learner: student,
      coupling,
      card,
      kept,
      teacher: { denoiser },
    } = parts;
    const startsAt: MatchingPlan["startsAt"] = (grid, first) => startsOf(card, grid, first),
      share = Math.round(KEPT_SHARE * batch);
    const plan = { schedule, startsAt }, { also = [], divergence, alpha, autoguidance, ...goal } = match;
    const teacher = autoguidance === undefined ? denoiser : guidedBy(denoiser, autoguidance);
    // Where the student begins as its teacher, it keeps to the word that it learns from.
    const beginning = parts.beginning === denoiser ? teacher : parts.beginning;
    const lead = leadOf(match), repeated = kept.filter(({ entry }) => also.every(({ steps }) => steps !== entry.steps));
    const plans = (source: LatentSource): MatchingPlan[] => [
      { ...plan, source, grid, variant, options, clamp, steps: to, goal },
      ...also.map(({ steps, ...own }) => {
        const { entry: { grid, variant, options, clamp }, denoiser: keeps } = kept.find(({ entry }) =>
          entry.steps === steps
        )!;
        return { ...plan, source, grid, variant, options, clamp, steps, goal: { ...own, keeps } };
      }),
    ];
    return {
      learner: createMatchingLearner({
        ...{ student, auxiliary, frozen, teacher, beginning, coupling, schedule, autoencoder, divergence, alpha },
      }),
      ...batchesOf<MatchingGroup | KeptGroup>(
        parts,
        { batch, seed },
        async (source, size, seed, update) => [
          ...makeMatchingGroups(plans(source), size, seed, update),
          ...repeated.length > 0 && update >= lead
            ? await makeKeptGroups({ ...plan, source, coupling, autoencoder, kept: repeated }, share, seed, update)
            : [],
        ],
        (source, _, ...which) => makeMatchingGroups(plans(source), HELD_OUT, ...which),
      ),
      floor: () => 0,
    };
  },
};
