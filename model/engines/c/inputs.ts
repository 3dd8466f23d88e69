/** What the engine takes beside the latents: features of the times, alpha and sigma, one row a molecule. */
import { levelFeatures } from "../../networks/pair_attention/levels.ts";
import { TIMES } from "../../networks/pair_attention/parameters.ts";
import type { Group } from "../../diffusion/learner.ts";
import type { ScheduleValues } from "../../diffusion/types.ts";

/** `[sin(t w_k), cos(t w_k)]` with w_k = 1.5 2^k, k = 0..7, into `out` at `at`. */
export function timeFeatures(t: number, out: Float32Array, at: number): void {
  for (let k = 0; k < TIMES / 2; k++) {
    const angle = Math.fround(t) * 1.5 * 2 ** k;
    out[at + k] = Math.sin(angle);
    out[at + TIMES / 2 + k] = Math.cos(angle);
  }
}

/** Times of a batch as the engine takes them. */
export interface TimeRows {
  /** `[B, 16 + levels]` */
  readonly times: Float32Array;
  /** `[B]` */
  readonly alpha: Float32Array;
  /** `[B]` */
  readonly sigma: Float32Array;
}

/** What a network is told of the number of steps; see `pair_attention/levels.ts`. */
export interface StepFeatures {
  /** One for all molecules, or one each; needed where there are levels. */
  readonly steps?: number | Float32Array;
  readonly levels?: number;
}

const perMolecule = (values: number | Float32Array | Float64Array, b: number) =>
  typeof values === "number" ? values : values[b];

/** Features of one molecule's time, and of its number of steps where there are levels. */
function features(t: number, steps: number | undefined, levels: number, out: Float32Array, at: number): void {
  timeFeatures(t, out, at);
  if (levels === 0) return;
  if (steps === undefined) throw new RangeError("this network must be told the number of steps");
  levelFeatures(steps, levels, out, at + TIMES);
}

/** Rows for a batch at one time, or at one time a molecule. Throws RangeError where the times are not `batch` in number. */
export function timeRows(
  t: number | Float32Array | Float64Array,
  batch: number,
  schedule: (t: number) => Pick<ScheduleValues, "alpha" | "sigma">,
  { steps, levels = 0 }: StepFeatures = {},
): TimeRows {
  for (const values of [t, levels > 0 ? steps : undefined]) {
    if (typeof values === "object" && values.length !== batch) {
      throw new RangeError(`${batch} times and numbers of steps asked, ${values.length} given`);
    }
  }
  const width = TIMES + levels, same = typeof t === "number" && typeof steps !== "object";
  const times = new Float32Array(batch * width), alpha = new Float32Array(batch), sigma = new Float32Array(batch);
  for (let b = 0; b < batch; b++) {
    if (b > 0 && same) {
      times.copyWithin(b * width, 0, width);
      alpha[b] = alpha[0], sigma[b] = sigma[0];
      continue;
    }
    const time = perMolecule(t, b);
    features(time, steps === undefined ? undefined : perMolecule(steps, b), levels, times, b * width);
    ({ alpha: alpha[b], sigma: sigma[b] } = schedule(time));
  }
  return { times, alpha, sigma };
}

/** Features of all molecules of groups, one after another: `[molecules, 16 + levels]`. */
export function timesOf(groups: readonly Pick<Group, "t" | "steps">[], levels: number): Float32Array {
  const width = TIMES + levels, times = new Float32Array(groups.reduce((sum, { t }) => sum + t.length, 0) * width);
  let at = 0;
  for (const { t, steps } of groups) {
    t.forEach((time, b) => (features(time, steps?.[b], levels, times, at), at += width));
  }
  return times;
}
