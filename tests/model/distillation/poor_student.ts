/**
 * A student of one step that is too poor for the data of `two_atoms.ts`: its molecules have distances a + b g, g by noise alone, so one hump where the data
 * have two. What both denoisers say, how they change with z, and the ratio of densities are known.
 */
import type { Coupling } from "../../../model/diffusion/coupling/align.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { predictOf } from "../../../model/diffusion/learned.ts";
import type { Asked, Group, Judged, Learner } from "../../../model/diffusion/learner.ts";
import type { DivergenceSettings } from "../../../model/distillation/divergences.ts";
import { makeMatchingGroups, type MatchingGroup } from "../../../model/distillation/matching_batches.ts";
import type { Critic, Seen } from "../../../model/distillation/matching_critic.ts";
import { createMatchingLearner } from "../../../model/distillation/matching_learner.ts";
import { timeAtLogSnr } from "../../../model/diffusion/schedules.ts";
import { DATA, L, type Law, lawOf, lengthOf, planOf, schedule, space, told } from "./two_atoms.ts";

/** Mean and deviation of noise's length, whose density is l^2 exp(-l^2) up to a factor. */
const MEAN = 2 / Math.sqrt(Math.PI), SPREAD = Math.sqrt(1.5 - MEAN ** 2);

/** Lengths of noise, where it has any. */
const LENGTHS = Array.from({ length: 40 }, (_, k) => (k + 0.5) * 0.07);

const plan = planOf(1);

/** Groups of a batch, whose estimates are judged from this log-SNR on. */
function groupsOf(batch: number, update: number, from: number): MatchingGroup[] {
  const t = timeAtLogSnr(schedule, from);
  return makeMatchingGroups([plan], batch, 1, update).map((group) => ({
    ...group,
    plan: group.plan.map((step) => ({ ...step, t })),
  }));
}

const still = { loss: () => Promise.resolve({ total: 0, parts: {} }), restore: () => Promise.resolve(), dispose() {} };
const state = () => Promise.resolve({ tensors: new Map() });
const none = () => Promise.resolve({ total: 0, parts: {} });

/** Calls `each` with a molecule's number, its length, and the schedule at its time. */
function eachOf(
  { z, conditions }: Asked,
  each: (b: number, length: number, noise: ReturnType<typeof schedule>) => void,
) {
  conditions.forEach(({ time }, b) => each(b, lengthOf(z, b), schedule(time)));
}

/** What knows a law of distances: estimates, and how they change with z. */
export function knowing(coupling: Coupling, law: () => Law): Learner<Group> {
  return {
    ...still,
    backend: "exact",
    state,
    update: none,
    predict(asked) {
      const x = new Float32Array(asked.z.length), known = law();
      eachOf(asked, (b, length, noise) => {
        const { mean } = told(coupling, known, length, noise);
        for (let i = b * L; i < (b + 1) * L; i++) x[i] = asked.z[i] / length * mean;
      });
      return Promise.resolve(x);
    },
    inputGradient({ gradient, ...asked }) {
      const out = new Float32Array(gradient.length), known = law(), near = 1e-4;
      eachOf(asked, (b, length, noise) => {
        const mean = (l: number) => told(coupling, known, l, noise).mean;
        const slope = (mean(length + near) - mean(length - near)) / (2 * near), turn = mean(length) / length;
        // Of half the distance of the two atoms, v: their estimates are v f(|v|) / |v| and the same turned round.
        const v = [0, 1, 2].map((a) => asked.z[b * L + a]),
          g = v.map((_, a) => gradient[b * L + a] - gradient[b * L + 3 + a]);
        const along = v.reduce((sum, value, a) => sum + value * g[a], 0) / length;
        v.forEach((value, a) => {
          const led = turn * g[a] + (slope - turn) * along * value / length;
          out[b * L + a] = led / 2, out[b * L + 3 + a] = -led / 2;
        });
      });
      return Promise.resolve(out);
    },
  };
}

/** The student, which learns a and b by plain descent. */
function createPoor(rate: number) {
  const of = { a: 0.6, b: 0.1 };
  const g = (length: number) => (length - MEAN) / SPREAD;
  const learner: Learner<Group> = {
    ...still,
    backend: "poor",
    state,
    update: none,
    predict(asked) {
      const x = new Float32Array(asked.z.length);
      eachOf(asked, (b, length) => {
        for (let i = b * L; i < (b + 1) * L; i++) x[i] = asked.z[i] / length * (of.a + of.b * g(length));
      });
      return Promise.resolve(x);
    },
    step(groups: Judged[]) {
      let a = 0, b = 0, all = 0;
      for (const { gradient, ...asked } of groups) {
        eachOf(asked, (m, length) => {
          let slope = 0;
          for (let i = m * L; i < (m + 1) * L; i++) slope += gradient[i] * asked.z[i] / length;
          a += slope, b += slope * g(length), all++;
        });
      }
      of.a -= rate * a / all, of.b -= rate * b / all;
      return Promise.resolve(1);
    },
  };
  const law = () =>
    lawOf(LENGTHS.map((length) => of.a + of.b * g(length)), (_, k) => LENGTHS[k] ** 2 * Math.exp(-(LENGTHS[k] ** 2)));
  return { learner, of, law };
}

/** The exact log r. */
export function exactCritic(coupling: Coupling, law: () => Law): Critic {
  return {
    logRatios: (said: readonly Seen[]) =>
      said.map(({ at }) => {
        const known = law(), out: number[] = [];
        eachOf(at, (_, length, noise) => {
          const [p, q] = [DATA, known].map((one) => told(coupling, one, length, noise).likelihood);
          out.push(Math.log(p / q));
        });
        return out;
      }),
    learn() {},
  };
}

/** Where a poor student ends by a divergence: the mean a of its distances, and their deviation b. */
export async function ending(
  coupling: Coupling,
  settings: DivergenceSettings,
  { learns = false, updates = 150, rate = 0.02, batch = 48, from = 0 } = {},
) {
  const { learner: student, of, law } = createPoor(rate), frozen = knowing(coupling, () => DATA);
  const teacher: Denoiser = {
    space,
    predict: predictOf(frozen, schedule, "params"),
    can: {},
    dispose() {},
  };
  const learner = createMatchingLearner({
    ...{ student, auxiliary: knowing(coupling, law), frozen, teacher, schedule, coupling, last: 7, lead: 0, follow: 0 },
    ...settings,
    critic: learns ? undefined : exactCritic(coupling, law),
  });
  const rates = { muon: 1, adamw: 1, emaDecay: 0, clip: 1 };
  for (let update = 0; update < updates; update++) await learner.update(groupsOf(batch, update, from), rates);
  return { ...of };
}
