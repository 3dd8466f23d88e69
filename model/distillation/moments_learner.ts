/**
 * Distillation by moment matching: Salimans, Mensink, Heek & Hoogeboom, "Multistep distillation of diffusion models via
 * moment matching" (2024), section 3.2, the alternating form.
 *
 * The student's estimate x of a step stands for a draw, not for a mean: z_s is drawn from q(z_s | z_t, x) at a time s
 * within the step, and the student is led to make E[x | z_s] equal to the teacher's, for all z_s. An auxiliary denoiser,
 * begun as the teacher and trained on the student's x, tells E[x | z_s]; the student's gradient is the difference of the two. So errors
 * of one step are corrected in the next, as in ancestral sampling, and few steps can be better than the teacher's many.
 */
import { type Coupling, realign } from "../diffusion/coupling/align.ts";
import { together } from "../diffusion/auxiliaries.ts";
import {
  abilityOf,
  type Group,
  type Judged,
  type Learner,
  type Losses,
  needMolecules,
  type Rates,
} from "../diffusion/learner.ts";
import { lossWeights } from "../training/weights.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { MomentGroup } from "./moments_batches.ts";
import { type Kind, momentsGradient } from "./moments_gradient.ts";

/** The three networks. */
export interface MomentsOptions {
  /** Under training, told its number of steps. */
  readonly student: Learner<Group>;
  /** Of the teacher's shape, begun from its values. */
  readonly auxiliary: Learner<Group>;
  readonly teacher: Denoiser;
  /** How the teacher was trained: where aligned, draws are realigned to x as samplers do. Default independent. */
  readonly coupling?: Coupling;
  /** The auxiliary's rates as multiples of the student's. It must follow the student closely. */
  readonly pace?: number;
  /** Cap on the positions' weight 1/sigma_s^2 in the student's gradient. */
  readonly cap?: number;
  /** What the student's scalars and pairs are. Default classes, as pair attention's. */
  readonly kind?: Kind;
}

/** A batch between the networks. */
interface Exchange {
  readonly group: MomentGroup;
  /** The student's estimates and the draw from them, `[B, L]`. */
  readonly x: Float32Array;
  readonly zs: Float32Array;
  readonly taught: Float32Array;
}

/** Draws z_s from the student's estimates, and asks the teacher there. */
async function exchange(options: MomentsOptions, group: MomentGroup): Promise<Exchange> {
  const { shape, z, noise, step, at } = group, x = await abilityOf(options.student, "predict")(group, "params");
  const zs = new Float32Array(z.length), length = z.length / shape.batch;
  for (let b = 0; b < shape.batch; b++) {
    const a = step.z[b], e = step.x0[b], c = step.noise[b];
    for (let i = b * length; i < (b + 1) * length; i++) zs[i] = a * z[i] + e * x[i] + c * noise[i];
    if (options.coupling !== "aligned") continue;
    const [own, target] = [zs, x].map((values) => values.subarray(b * length, (b + 1) * length));
    realign(own, target, options.teacher.space, { batch: 1, nodes: shape.nodes }, at.alpha[b]);
  }
  return { group, x, zs, taught: (await options.teacher.predict(zs, shape, at.conditions)).slice() };
}

/** The auxiliary's group: at z_s it learns x and, as a tie to the teacher, what the teacher says: the mean of both. */
function auxiliaryGroup({ group: { shape, at }, x, zs, taught }: Exchange): Group {
  const weights = Float32Array.from(Array.from(at.sigma).flatMap((sigma) => lossWeights(sigma)));
  return { shape, ...at, z: zs, target: x.map((value, i) => (value + taught[i]) / 2), weights };
}

/** The student's molecules with their gradient, and how far the moments of their positions are apart, summed. */
function judge({ group, x, taught }: Exchange, told: Float32Array, options: MomentsOptions) {
  const { cap = 100, kind = "classes", teacher: { space } } = options, { shape, at } = group;
  const weights = Float32Array.from(
    Array.from(at.sigma).flatMap((sigma) => lossWeights(sigma).map((weight) => Math.min(weight, cap))),
  );
  const { gradient, apart } = momentsGradient({ space, shape, x, told, taught, weights }, kind);
  return { judged: { ...group, gradient }, apart };
}

/** A learner of both networks; its state holds the auxiliary's tensors under `auxiliary/`. */
export function createMomentsLearner(options: MomentsOptions): Learner<MomentGroup> {
  const { student, auxiliary, pace = 2 } = options;
  const exchangeAll = async (groups: readonly MomentGroup[]) => {
    const all: Exchange[] = [];
    for (const group of groups) all.push(await exchange(options, group));
    return all;
  };
  /** The student's molecules with their gradients; the squared differences of the moments of positions, a mean over molecules. */
  const compare = async (exchanges: readonly Exchange[]) => {
    const judged: Judged[] = [], molecules = needMolecules(exchanges.map(({ group }) => group));
    let positions = 0;
    for (const one of exchanges) {
      const { shape, at } = one.group;
      const told = await abilityOf(auxiliary, "predict")({ ...at, shape, z: one.zs }, "params");
      const { judged: own, apart } = judge(one, told, options);
      judged.push(own);
      positions += apart / molecules;
    }
    return { judged, positions };
  };
  const report = (positions: number, ofAuxiliary: Losses): Losses => ({
    total: positions,
    parts: { positions, auxiliary: ofAuxiliary.total },
  });
  return {
    backend: student.backend,
    async update(groups, rates: Rates) {
      const exchanges = await exchangeAll(groups);
      const follow = { ...rates, muon: pace * rates.muon, adamw: pace * rates.adamw };
      const ofAuxiliary = await auxiliary.update(exchanges.map(auxiliaryGroup), follow);
      const { judged, positions } = await compare(exchanges);
      const norm = await abilityOf(student, "step")(judged, rates), losses = report(positions, ofAuxiliary);
      return [norm, positions, ofAuxiliary.total].every(Number.isFinite) ? losses : { ...losses, total: NaN };
    },
    async loss(groups) {
      const exchanges = await exchangeAll(groups);
      const ofAuxiliary = await auxiliary.loss(exchanges.map(auxiliaryGroup), "params");
      return report((await compare(exchanges)).positions, ofAuxiliary);
    },
    ...together(student, { auxiliary }),
  };
}
