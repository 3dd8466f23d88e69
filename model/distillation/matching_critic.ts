/**
 * How likely a noised molecule is of the data, by how likely of the student: log r, learned by a logistic loss on data and student's molecules under the
 * same noise. Its features are made of what the teacher says anyway, so it takes no network of its own (docs/distillation.md says why these).
 */
import { latentLength } from "../diffusion/latent.ts";
import type { Asked, Learner, State } from "../diffusion/learner.ts";
import type { LatentSpace } from "../diffusion/types.ts";
import { type DivergenceSettings, molecularWeights } from "./divergences.ts";
import { ONE_HOT } from "../networks/heavy_atom/space.ts";
import { createLogistic, learnLogistic, type Logistic, logOdds } from "./logistic.ts";

/** Noised molecules, and what the teacher makes of them, `[B, L]`. */
export interface Seen {
  readonly at: Asked;
  readonly taught: Float32Array;
  /** Of each molecule, the student's number of steps and which of them it is of: what is compared with each other. `[B]` */
  readonly steps: readonly string[];
}

/** Tells log r. */
export interface Critic {
  /** Of each molecule of each of these. */
  logRatios(seen: readonly Seen[]): number[][];
  /** Learns from the student's molecules, and from data of the same sizes. */
  learn(student: readonly Seen[], data: readonly Seen[]): void;
}

/** How many numbers {@link featuresOf} gives. */
const featureCount = ({ vectors, scalars, pairs }: LatentSpace) => 1 + 2 * vectors + scalars + pairs;

/**
 * Features of each molecule, `[B][F]`, by what the teacher makes of it: 1; the mean square of each vector, and that again squared; the expected counts of
 * classes and of bond orders.
 */
export function featuresOf({ at, taught }: Pick<Seen, "at" | "taught">, space: LatentSpace): Float64Array[] {
  const { batch, nodes: N } = at.shape, { vectors: V, scalars: K, pairs: P } = space, length = latentLength(space, N);
  const squares = 1, classes = squares + 2 * V, orders = classes + K;
  return Array.from({ length: batch }, (_, b) => {
    const out = new Float64Array(featureCount(space));
    let i = b * length;
    out[0] = 1;
    for (let n = 0; n < N; n++) {
      for (let k = 0; k < 3 * V; k++) out[squares + Math.floor(k / 3)] += taught[i++] ** 2 / N;
      for (let k = 0; k < K; k++) out[classes + k] += taught[i++] / ONE_HOT;
    }
    // Each pair stands twice.
    for (let nm = 0; nm < N * N; nm++) for (let p = 0; p < P; p++) out[orders + p] += taught[i++] / ONE_HOT / 2;
    for (let v = 0; v < V; v++) out[squares + V + v] = out[squares + v] ** 2;
    return out;
  });
}

/** What each molecule counts by a divergence, in the shape of what is said: compared with others of its step, over all sizes. */
export function countsOf(critic: Critic, settings: DivergenceSettings, said: readonly Seen[]): number[][] {
  const ratios = critic.logRatios(said), by = new Map<string, [number, number][]>();
  said.forEach(({ steps }, k) => steps.forEach((step, b) => by.set(step, [...by.get(step) ?? [], [k, b]])));
  const counts = ratios.map((all) => all.map(() => 1));
  for (const places of by.values()) {
    molecularWeights(settings, places.map(([k, b]) => ratios[k][b])).forEach((count, i) => {
      const [k, b] = places[i];
      counts[k][b] = count;
    });
  }
  return counts;
}

/** As how large a share of the molecules they count, (sum w)^2 / (n sum w^2): 1 where all count alike. */
export function effective(counts: readonly (readonly number[])[]): number {
  const all = counts.flat(), sum = all.reduce((one, w) => one + w, 0), squares = all.reduce((one, w) => one + w * w, 0);
  return squares === 0 ? 1 : sum * sum / (all.length * squares);
}

/** A critic for latents of this space, a regression for each step of each number of steps; its state is kept as a network's is. */
export function createCritic(space: LatentSpace): Critic & Pick<Learner, "state" | "restore" | "dispose"> {
  const all = new Map<string, Logistic>(), F = featureCount(space);
  const of = (step: string) => {
    const found = all.get(step) ?? createLogistic(F);
    all.set(step, found);
    return found;
  };
  /** Features by step. */
  const sorted = (said: readonly Seen[]) => {
    const by = new Map<string, Float64Array[]>();
    for (const one of said) {
      featuresOf(one, space).forEach((features, b) => by.set(one.steps[b], [...by.get(one.steps[b]) ?? [], features]));
    }
    return by;
  };
  return {
    logRatios: (said) =>
      said.map((one) => featuresOf(one, space).map((features, b) => logOdds(of(one.steps[b]), features))),
    learn(student, data) {
      const drawn = sorted(student);
      for (const [step, features] of sorted(data)) learnLogistic(of(step), [features, drawn.get(step) ?? []]);
    },
    state() {
      const tensors: State["tensors"] = new Map();
      for (const [step, { weights, precision }] of all) {
        tensors.set(`weights/${step}`, { shape: [F], data: weights.slice() });
        tensors.set(`precision/${step}`, { shape: [F, F], data: precision.slice() });
      }
      return Promise.resolve({ tensors });
    },
    restore({ tensors }) {
      all.clear();
      for (const [key, { data }] of tensors) {
        const [part, step] = key.split("/");
        of(step)[part as keyof Logistic].set(data);
      }
      return Promise.resolve();
    },
    dispose() {},
  };
}
