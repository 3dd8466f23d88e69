/** One number whose mean a property says, normal both, so that denoisers, guided estimates and the guided probability flow are known. */
import { type Condition, eachCondition } from "../../../model/diffusion/condition.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { solve } from "../../../model/diffusion/linear.ts";
import type { Asked, Group, Learner } from "../../../model/diffusion/learner.ts";
import { cosineSchedule } from "../../../model/diffusion/schedules.ts";
import type { LatentSource } from "../../../model/distillation/source.ts";
import { tellOf } from "../../../model/distillation/sources/told.ts";
import { createGuided } from "../../../model/networks/heavy_atom/guide.ts";
import type { ScaleRange } from "../../../model/networks/pair_attention/scale.ts";

/** Vectors are guided on a line. The first of a lone node is at the origin, as positions are centred; the second has the numbers. */
export const space = { vectors: 2, scalars: 0, pairs: 0 }, schedule = cosineSchedule();

/** Numbers of a molecule, and the first of those that are not 0. */
export const LENGTH = 6, FIRST = 3;

/** x ~ N(SLOPE c, SPREAD^2) for a property c ~ N(0, 1): without it, x ~ N(0, SPREAD^2 + SLOPE^2). */
export const SLOPE = 1.5, SPREAD = 0.6;

/** E[x | z] = gain z + lift c: of what is told c, and of what is not. */
export function exactAt(time: number, told: boolean): { gain: number; lift: number } {
  const { alpha, sigma } = schedule(time), variance = SPREAD ** 2 + (told ? 0 : SLOPE ** 2);
  const gain = alpha * variance / (alpha ** 2 * variance + sigma ** 2);
  return { gain, lift: told ? SLOPE * (1 - gain * alpha) : 0 };
}

/** What knows the data, and guides; counts the molecules that its network is asked of. */
export function exact(asked = { molecules: 0 }): Denoiser {
  return createGuided({
    space,
    predict(z, { batch }, conditions) {
      asked.molecules += batch;
      const all = eachCondition(conditions, batch), each = z.length / batch;
      return Promise.resolve(z.map((value, k) => {
        if (k % LENGTH < FIRST) return 0;
        const { time, properties } = all[Math.floor(k / each)],
          { gain, lift } = exactAt(time, properties !== undefined);
        return gain * value + lift * (properties?.gap ?? 0);
      }));
    },
    can: {},
    dispose() {},
  });
}

/** The data, told as rounds tell them. */
export const sourceOf = (scales?: ScaleRange): LatentSource => ({
  description: "numbers that a property says",
  draw(batch, stream) {
    const c = Array.from({ length: batch }, () => stream.normal());
    const tell = tellOf({ names: ["gap"], values: c.map((gap) => [gap]) }, scales);
    const target = new Float32Array(LENGTH * batch);
    c.forEach((gap, b) => {
      for (let k = LENGTH * b + FIRST; k < LENGTH * (b + 1); k++) target[k] = SLOPE * gap + SPREAD * stream.normal();
    });
    return [{ shape: { batch, nodes: 1 }, target, conditions: c.map((_, b) => tell(b, stream)) }];
  },
});

/** Powers of the scale that a student's functions have. */
const POWERS = 5;

/** The features of an estimate, linear in z and c with coefficients that are polynomials of w about `middle`; those of the untold are by themselves. */
function featuresOf(z: number, { properties, guidance = 1 }: Omit<Condition, "time">, middle: number): Float64Array {
  const out = new Float64Array(2 * POWERS + 1), w = (guidance - middle) / middle;
  if (!properties) out[2 * POWERS] = z;
  else for (let k = 0; k < POWERS; k++) out[2 * k] = w ** k * z, out[2 * k + 1] = w ** k * (properties.gap ?? 0);
  return out;
}

/** A student with such functions at each time: each update goes all the way to least squares, held to what it was. */
export function polynomials(middle: number): Learner {
  const all = new Map<number, Float64Array>(), keyOf = (time: number) => Math.round(1e6 * time);
  const at = (time: number) => all.get(keyOf(time)) ?? new Float64Array(2 * POWERS + 1);
  const rowsOf = ({ z, conditions }: Pick<Asked, "z" | "conditions">) =>
    [...z].map((value, k) => {
      const condition = conditions[Math.floor(k / LENGTH)], features = featuresOf(value, condition, middle);
      return { time: condition.time, features: k % LENGTH < FIRST ? features.fill(0) : features };
    });
  const say = (asked: Asked) =>
    Float32Array.from(rowsOf(asked), ({ time, features }) => {
      const own = at(time);
      return features.reduce((sum, f, k) => sum + f * own[k], 0);
    });
  return {
    backend: "polynomials",
    predict: (asked) => Promise.resolve(say(asked)),
    update(groups: Group[]) {
      const rows = groups.flatMap((group) => rowsOf(group).map((row, k) => ({ ...row, target: group.target[k] })));
      for (const [key, own] of Map.groupBy(rows, ({ time }) => keyOf(time))) {
        const before = at(key / 1e6), n = before.length, hold = 1e-3;
        const A = Array.from({ length: n }, (_, k) => new Float64Array(n).fill(hold, k, k + 1));
        const y = before.map((value) => hold * value);
        for (const { features, target } of own) {
          for (let k = 0; k < n; k++) {
            if (features[k] === 0) continue;
            y[k] += features[k] * target;
            for (let l = 0; l < n; l++) A[k][l] += features[k] * features[l];
          }
        }
        all.set(key, solve(A, y));
      }
      return Promise.resolve({ total: 0, parts: {} });
    },
    loss: () => Promise.resolve({ total: 0, parts: {} }),
    state: () => Promise.resolve({ tensors: new Map() }),
    restore: () => Promise.resolve(),
    dispose() {},
  };
}

/**
 * Where the guided probability flow leads from z at time t, at time s < t. With y = z / alpha and r = sigma / alpha it is
 * dy/dr = r ([(1 - w) / (U + r^2) + w / (T + r^2)] y - w SLOPE c / (T + r^2)), T = SPREAD^2, U = T + SLOPE^2, whose solution without c is
 * (U + r^2)^((1 - w) / 2) (T + r^2)^(w / 2); the part of c is by Simpson's rule.
 */
export function guidedFlow(z: number, t: number, s: number, c: number, w: number): number {
  const T = SPREAD ** 2, U = T + SLOPE ** 2, from = schedule(t), to = schedule(s);
  const phi = (r: number) => (U + r * r) ** ((1 - w) / 2) * (T + r * r) ** (w / 2);
  const r0 = from.sigma / from.alpha, r1 = to.sigma / to.alpha, n = 2000, h = (r1 - r0) / n;
  const slope = (r: number) => -r * w * SLOPE * c / ((T + r * r) * phi(r));
  let sum = slope(r0) + slope(r1);
  for (let k = 1; k < n; k++) sum += (k % 2 === 1 ? 4 : 2) * slope(r0 + k * h);
  return to.alpha * phi(r1) * (z / from.alpha / phi(r0) + sum * h / 3);
}
