/** Data of one number, whose best denoiser and probability flow are known, and a student that is any function of it at each time. */
import { eachCondition } from "../../../model/diffusion/condition.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import type { Asked, Group, Learner, Weights } from "../../../model/diffusion/learner.ts";
import type { Random } from "../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import type { LatentSource } from "../../../model/distillation/source.ts";

/** One scalar of one node. */
export const space = { vectors: 0, scalars: 1, pairs: 0 }, schedule = cosineSchedule();

/** Normal parts of the data, equally many of each. */
export interface Mixture {
  readonly means: readonly number[];
  readonly deviation: number;
}

/** A batch of the data. */
export const sourceOf = ({ means, deviation }: Mixture): LatentSource => ({
  description: "one number",
  draw(batch: number, stream: Random) {
    const draw = () => means[stream.integer(means.length)] + deviation * stream.normal();
    return [{ shape: { batch, nodes: 1 }, target: Float32Array.from({ length: batch }, draw) }];
  },
});

/** E[x | z] at a time. */
function meanOf({ means, deviation }: Mixture, z: number, time: number): number {
  const { alpha, sigma } = schedule(time), variance = (alpha * deviation) ** 2 + sigma ** 2;
  const away = means.map((mean) => z - alpha * mean), logs = away.map((d) => -d * d / (2 * variance));
  const top = Math.max(...logs), shares = logs.map((log) => Math.exp(log - top)), all = shares.reduce((a, b) => a + b);
  return means.reduce(
    (sum, mean, k) => sum + shares[k] / all * (mean + alpha * deviation ** 2 / variance * away[k]),
    0,
  );
}

/** What knows the data; counts the molecules that it is asked of. */
export const teacherOf = (data: Mixture, asked = { molecules: 0 }): Denoiser => ({
  space,
  predict(z, { batch }, conditions) {
    asked.molecules += batch;
    const each = eachCondition(conditions, batch);
    return Promise.resolve(z.map((value, b) => meanOf(data, value, each[b].time)));
  },
  can: {},
  dispose() {},
});

/** A student's functions are linear between knots from -END to END. */
const END = 4;

/** The two of so many knots about z: the first one's place, and the share of the second. */
function about(z: number, knots: number): [number, number] {
  const at = Math.min(knots - 1.001, Math.max(0, (z + END) / (2 * END) * (knots - 1))), k = Math.floor(at);
  return [k, at - k];
}

/** A function of z for each time, linear between knots: first the teacher's, then learned by descent on squared errors, with its moving average. */
export function functionsOf(data: Mixture, knots: number, rate: number): Learner {
  const all = new Map<number, Record<Weights, Float64Array>>();
  const of = (asked: number) => {
    // Times of two grids are the same to rounding.
    const time = Math.round(1e6 * asked) / 1e6;
    const first = () =>
      Float64Array.from({ length: knots }, (_, k) => meanOf(data, END * (2 * k / (knots - 1) - 1), time));
    const found = all.get(time) ?? { params: first(), ema: first() };
    all.set(time, found);
    return found;
  };
  const at = (which: Weights, z: number, time: number) => {
    const values = of(time)[which], [k, share] = about(z, knots);
    return (1 - share) * values[k] + share * values[k + 1];
  };
  const estimate = ({ z, conditions }: Asked, which: Weights) =>
    z.map((value, b) => at(which, value, conditions[b].time));
  const errors = (groups: readonly Group[], which: Weights) =>
    groups.map((group) => estimate(group, which).map((value, b) => value - group.target[b]));
  return {
    backend: "functions",
    predict: (asked, which) => Promise.resolve(estimate(asked, which)),
    update(groups, { emaDecay }) {
      const slopes = new Map<number, { sum: Float64Array; all: Float64Array }>(), wrong = errors(groups, "params");
      groups.forEach(({ z, conditions }, g) =>
        z.forEach((value, b) => {
          const { time } = conditions[b], [k, share] = about(value, knots);
          const slope = slopes.get(time) ?? { sum: new Float64Array(knots), all: new Float64Array(knots) };
          slopes.set(time, slope);
          for (const [knot, part] of [[k, 1 - share], [k + 1, share]]) {
            slope.sum[knot] += part * wrong[g][b], slope.all[knot] += part;
          }
        })
      );
      for (const [time, { sum, all }] of slopes) {
        of(time).params.forEach((_, k, own) => own[k] -= rate * sum[k] / Math.max(0.5, all[k]));
      }
      for (const { params, ema } of all.values()) {
        params.forEach((value, k) => ema[k] = emaDecay * ema[k] + (1 - emaDecay) * value);
      }
      return Promise.resolve({ total: 0, parts: {} });
    },
    loss(groups, which) {
      const all = errors(groups, which).flatMap((one) => [...one]);
      return Promise.resolve({ total: all.reduce((sum, e) => sum + e * e, 0) / all.length, parts: {} });
    },
    state: () => Promise.resolve({ tensors: new Map([["updates", { shape: [1], data: new Float32Array(1) }]]) }),
    restore: () => Promise.resolve(),
    dispose() {},
  };
}
