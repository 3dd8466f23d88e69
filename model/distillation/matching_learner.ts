/**
 * Distillation by distribution matching: Yin et al., "One-step diffusion with distribution matching distillation" (2024), and "Improved distribution
 * matching distillation for fast image synthesis" (2024: the student's own samplings); Wang et al., "ProlificDreamer" (2023: variational score
 * distillation).
 *
 * The student samples as it will in service. Each of its estimates x is taken for a molecule: it is noised, and two denoisers say what they make of
 * it: the teacher, which knows the data, and an auxiliary, which learns what the student's molecules are like. Where these differ, the student's
 * molecules are distributed otherwise than the data, and x is moved along the difference.
 *
 * Three things are not as in the papers (docs/distillation.md has the curves). An estimate is judged only down to the noise level at which the next step
 * begins: what is finer is for later steps. Classes and bond orders keep to what the student began as, unless they are asked for, as what is rare dies out
 * by small differences of probabilities. And so do positions before the log-SNR from which on the sampler draws afresh (its `after`): there it is settled
 * what a molecule is made of, and matching leads to molecules of fewer kinds.
 */
import { together } from "../diffusion/auxiliaries.ts";
import { conditioned } from "../diffusion/condition.ts";
import type { Coupling } from "../diffusion/coupling/align.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import {
  abilityOf,
  type Asked,
  type Group,
  type Judged,
  type Learner,
  type Losses,
  needMolecules,
  type Rates,
} from "../diffusion/learner.ts";
import type { Random } from "../diffusion/random.ts";
import { timeAtLogSnr } from "../diffusion/schedules.ts";
import type { Autoencoder, Schedule } from "../diffusion/types.ts";
import { lossWeights } from "../training/weights.ts";
import type { KeptGroup, MatchingGroup } from "./matching_batches.ts";
import { type Sampled, sampleOnce } from "./matching_sampling.ts";
import { noisy } from "./batches.ts";
import { divergenceOf, DIVERGENCES, type DivergenceSettings } from "./divergences.ts";
import { countsOf, createCritic, type Critic, effective, type Seen } from "./matching_critic.ts";
import { matchingGradient } from "./matching_gradient.ts";
import { identityGradient, type Said } from "./matching_identity.ts";

/** Updates of a round that the auxiliary makes alone: until then nothing is kept, as the student stays as it began. */
export const LEAD = 150;

/** The same for a divergence: one without an auxiliary needs none. */
export const leadOf = ({ divergence = DIVERGENCES[0] }: DivergenceSettings): number =>
  divergenceOf(divergence).lead === "own" ? 0 : LEAD;

/** The networks, and what is learned. */
export interface MatchingOptions extends DivergenceSettings {
  /** Under training, told its number of steps. */
  readonly student: Learner<Group>;
  /** Of the teacher's shape, begun from its values; told of which number of steps the student's molecules are. */
  readonly auxiliary: Learner<Group>;
  readonly teacher: Denoiser;
  /** The teacher as a learner, for a gradient that goes through it; nothing is taught it. */
  readonly frozen?: Learner;
  /** What tells densities' ratios, for a divergence that asks for them. Default one that learns. */
  readonly critic?: Critic;
  readonly schedule: Schedule;
  /** Whose word is kept where nothing is matched: what the student began as. Default the teacher. */
  readonly beginning?: Denoiser;
  /** How the teacher was trained. Default independent. */
  readonly coupling?: Coupling;
  /** Who clamps on the way, where samplings are clamped. */
  readonly autoencoder?: Pick<Autoencoder, "clamp">;
  /** Log-SNR down to which the last step's estimates are judged. Default 8, sigma 0.018. */
  readonly last?: number;
  /** First updates of a round, which the auxiliary makes alone: until it knows the student, its word is the teacher's. Default {@link leadOf}'s. */
  readonly lead?: number;
  /** The auxiliary's updates for one of the student, each with noise of its own. Default 2. */
  readonly follow?: number;
  /** The auxiliary's rates as multiples of the student's. Default 3: it must follow closely, or the student overshoots. */
  readonly pace?: number;
}

/** Some samplings, and the plan's first call whose estimates are matched. */
interface Way extends Sampled {
  readonly group: MatchingGroup;
  readonly call: number;
}

/** The first call of a plan whose estimates are matched. */
function firstMatched({ schedule }: MatchingOptions, { plan, goal: { from } }: MatchingGroup): number {
  return plan.findIndex((_, k) => k + 1 === plan.length || schedule(plan[k + 1].t).logSnr >= from);
}

/** Least distance of neighbouring fractions of k times this: stratified draws in any number. */
const GOLDEN = 0.6180339887498949;

/** Samples with the student's weights as they are. */
async function sample(options: MatchingOptions, group: MatchingGroup, stream: Random): Promise<Way> {
  const { student, teacher: { space }, coupling, schedule, autoencoder } = options;
  const predict = abilityOf(student, "predict"), how = { space, coupling, schedule, autoencoder };
  const sampled = await sampleOnce(group, how, (asked) => predict(asked, "params"), stream);
  return { ...sampled, group, call: firstMatched(options, group) };
}

/** The estimates that are matched, `[B', L]`, noised to random times within the steps that they belong to, as training noises. */
function within(options: MatchingOptions, { group, x, call }: Way, stream: Random): Asked {
  const { teacher, coupling, schedule, last = 8 } = options, { plan, steps, shape: { batch, nodes } } = group;
  const shape = { batch: (plan.length - call) * batch, nodes }, shift = stream.uniform();
  const logSnr = (k: number) =>
    k < plan.length ? schedule(plan[k].t).logSnr : Math.max(last, schedule(plan[k - 1].t).logSnr);
  const times = Array.from({ length: shape.batch }, (_, b) => {
    const k = call + Math.floor(b / batch), share = (b * GOLDEN + shift) % 1;
    return timeAtLogSnr(schedule, logSnr(k) + share * (logSnr(k + 1) - logSnr(k)));
  });
  const clean = { shape, target: matched(x, plan.length, call) };
  const z = noisy(clean, times.map((t) => ({ t })), { teacher, coupling, schedule }, stream);
  return { shape, z, ...conditioned(times.map((time) => ({ time, steps })), schedule) };
}

/** The part of what is said by all calls that belongs to those from one on. */
const matched = (all: Float32Array, calls: number, call: number) => all.subarray(call * (all.length / calls));

/** What the auxiliary learns: the student's molecules, as training learns data. */
function lesson(options: MatchingOptions, way: Way, stream: Random): Group {
  const at = within(options, way, stream);
  const weights = Float32Array.from(Array.from(at.sigma).flatMap((sigma) => lossWeights(sigma)));
  return { ...at, target: matched(way.x, way.group.plan.length, way.call), weights };
}

/** Whether a group is of samplings, not of what is kept. */
const isSampled = (group: MatchingGroup | KeptGroup): group is MatchingGroup => "plan" in group;

/** A learner of both networks; its state holds the auxiliary's tensors under `auxiliary/`. */
export function createMatchingLearner(options: MatchingOptions): Learner<MatchingGroup | KeptGroup> {
  const { student, auxiliary, teacher, beginning = teacher, lead = leadOf(options), follow = 2, pace = 3 } = options;
  const { space } = teacher, { divergence = DIVERGENCES[0], alpha, frozen } = options, kind = divergenceOf(divergence);
  const own = kind.weight && !options.critic ? createCritic(space) : undefined;
  const critic = kind.weight ? options.critic ?? own : undefined;
  if (kind.lead === "identity") abilityOf(auxiliary, "inputGradient");
  const sampled = async (groups: readonly MatchingGroup[]) => {
    const streams = groups.map(({ stream }) => stream()), ways: Way[] = [];
    for (const [k, group] of groups.entries()) ways.push(await sample(options, group, streams[k]));
    return { streams, ways };
  };
  const lessons = (ways: readonly Way[], streams: readonly Random[]) =>
    ways.map((way, k) => lesson(options, way, streams[k]));
  /** Matched estimates, noised, and what the teacher makes of them. */
  const see = async (way: Way, stream: Random): Promise<Seen> => {
    const at = within(options, way, stream), { call, group: { shape: { batch }, steps } } = way;
    const taught = (await teacher.predict(at.z, at.shape, at.conditions)).slice();
    return { at, taught, steps: at.conditions.map((_, b) => `${steps}.${call + Math.floor(b / batch)}`) };
  };
  /** The auxiliary's word beside it. Without an auxiliary each estimate stands for itself. */
  const say = async (ways: readonly Way[], streams: readonly Random[]) => {
    const said: Said[] = [];
    for (const [k, way] of ways.entries()) {
      const seen = await see(way, streams[k]), x = matched(way.x, way.group.plan.length, way.call);
      const told = kind.lead === "own" ? x : (await abilityOf(auxiliary, "predict")(seen.at, "params")).slice();
      said.push({ ...seen, x, told });
    }
    return said;
  };
  /** What leads in the auxiliary's place. */
  const leading = async (one: Said) => {
    if (kind.lead !== "identity") return one.told;
    const through = await identityGradient(one, space, { auxiliary, frozen: frozen! }, alpha ?? kind.alpha!.default);
    return through.map((value, i) => value + one.taught[i]);
  };
  /** The student's gradients, and how far apart the denoisers are, a mean over estimates. */
  const compare = async (
    ways: readonly Way[],
    said: readonly Said[],
    lead = (one: Said) => Promise.resolve(one.told),
    counts?: readonly number[][],
  ) => {
    const judged: Judged[] = [],
      sums = { positions: 0, classes: 0 },
      all = needMolecules(ways.map(({ asked }) => asked));
    for (const [k, { asked, x, call, group }] of ways.entries()) {
      const { shape, sigma } = asked, { taught } = said[k], told = await lead(said[k]);
      const { classes, keeps = beginning } = group.goal;
      const kept = await keeps.predict(asked.z, shape, asked.conditions), first = call * group.shape.batch;
      const { gradient, apart } = matchingGradient({
        ...{ space, shape, x, kept, sigma, first, classes, told, taught },
        counts: counts?.[k],
      });
      sums.positions += apart.positions / all, sums.classes += apart.classes / all;
      judged.push({ ...asked, gradient });
    }
    return { judged, sums };
  };
  /** What each molecule counts, by what the critic knows; it then learns from them, and from data in their place. */
  const weigh = async (critic: Critic, ways: readonly Way[], said: readonly Said[], streams: readonly Random[]) => {
    const counts = countsOf(critic, options, said), data: Seen[] = [];
    for (const [k, way] of ways.entries()) {
      const { group: { data: clean, plan } } = way, x = new Float32Array(way.x.length);
      for (let call = 0; call < plan.length; call++) x.set(clean, call * clean.length);
      data.push(await see({ ...way, x }, streams[k]));
    }
    critic.learn(said, data);
    return counts;
  };
  /** The gradients of what is to be kept, as it is. */
  const keeping = async (group: KeptGroup): Promise<Judged> => {
    const { shape, sigma, target: kept } = group, none = new Float32Array(0);
    const x = await abilityOf(student, "predict")(group, "params");
    const { gradient } = matchingGradient({
      space,
      shape,
      x,
      kept,
      sigma,
      first: shape.batch,
      classes: 0,
      told: none,
      taught: none,
    });
    return { ...group, gradient };
  };
  const report = (
    sums: { positions: number; classes: number },
    ofAuxiliary: Losses,
    counts: readonly number[][] = [],
  ): Losses => ({
    total: sums.positions,
    parts: { ...sums, auxiliary: ofAuxiliary.total, ...critic && { counting: effective(counts) } },
  });
  /** The auxiliary's updates on these samplings. */
  const following = async (ways: readonly Way[], streams: readonly Random[], rates: Rates): Promise<Losses> => {
    const follows = { ...rates, muon: pace * rates.muon, adamw: pace * rates.adamw };
    let losses: Losses = { total: 0, parts: {} };
    if (kind.lead === "own") return losses;
    for (let k = 0; k < follow; k++) losses = await auxiliary.update(lessons(ways, streams), follows);
    return losses;
  };
  return {
    backend: student.backend,
    async update(all, rates: Rates) {
      const groups = all.filter(isSampled), { streams, ways } = await sampled(groups);
      const ofAuxiliary = await following(ways, streams, rates);
      if (groups[0].update < lead) return report({ positions: 0, classes: 0 }, ofAuxiliary);
      const said = await say(ways, streams), counts = critic && await weigh(critic, ways, said, streams);
      const { judged, sums } = await compare(ways, said, leading, counts), losses = report(sums, ofAuxiliary, counts);
      for (const group of all) if (!isSampled(group)) judged.push(await keeping(group));
      const norm = await abilityOf(student, "step")(judged, rates);
      return [norm, sums.positions, ofAuxiliary.total].every(Number.isFinite) ? losses : { ...losses, total: NaN };
    },
    async loss(all) {
      const { streams, ways } = await sampled(all.filter(isSampled));
      const ofAuxiliary = await auxiliary.loss(lessons(ways, streams), "params");
      return report((await compare(ways, await say(ways, streams))).sums, ofAuxiliary);
    },
    ...together(student, { auxiliary, ...own && { critic: own } }),
  };
}
