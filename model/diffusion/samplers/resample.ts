/** Going back by noise and drawing again, so that what is drawn and what is given come to fit. */
import { z } from "zod";
import { strict } from "../strict.ts";
import type { PlannedStep, SamplingPlan } from "./step.ts";

/** How often stretches of a plan are drawn. */
export const resampling = strict({
  times: z.int().min(2).max(20).describe("How often each stretch of steps is drawn, the first time included"),
  back: z.int().min(1).max(100).default(1).describe("Steps of a stretch"),
});

/** See {@link resampling}. */
export type Resampling = z.infer<typeof resampling>;

/** Calls of the denoiser that a plan of so many makes where it is resampled. */
export const callsOf = (steps: number, resample?: Resampling): number =>
  steps + (resample ? (resample.times - 1) * resample.back * Math.floor((steps - 1) / resample.back) : 0);

/** A step that goes on, by noise alone, from the time `there` that it leads to, back up to `up`. */
function goingBack(step: PlannedStep, there: PlannedStep, up: PlannedStep): PlannedStep {
  const keep = up.alpha / there.alpha, added = Math.max(0, up.sigma ** 2 - (keep * there.sigma) ** 2);
  return { ...step, z: keep * step.z, x0: keep * step.x0, noise: Math.hypot(keep * step.noise, Math.sqrt(added)) };
}

/**
 * A plan that resamples: each time it has gone `back` steps on, it goes as many back, by noise, and over them again, `times` in all. Lugmayr et al.,
 * "RePaint" (2022), algorithm 1 and section 4.2, whose jump length is `back` and whose resampling steps are `times`; going back from
 * time s to t is a draw from q(z_t | z_s), its eq. 1. What a step leads to and the way back from there are normal, so both are one step.
 *
 * @throws RangeError for a plan that looks back at estimates, which would be of other times then, or that is shorter than `back`
 */
export function resampled(plan: SamplingPlan, { times, back }: Resampling): SamplingPlan {
  if (plan.some(({ before = [] }) => before.length > 0)) {
    throw new RangeError("resample must be absent of a sampler whose steps look back at estimates before");
  }
  const last = plan.length - 1;
  if (back > last) throw new RangeError(`back must be 1 to ${last} at ${plan.length} steps; got ${back}`);
  const out: PlannedStep[] = [];
  for (let from = 0; from < last; from += back) {
    const to = Math.min(from + back, last), whole = to === from + back, stretch = plan.slice(from, to);
    for (let time = whole ? 1 : times; time < times; time++) {
      out.push(...stretch.slice(0, -1), goingBack(stretch.at(-1)!, plan[to], plan[from]));
    }
    out.push(...stretch);
  }
  return [...out, plan[last]];
}
