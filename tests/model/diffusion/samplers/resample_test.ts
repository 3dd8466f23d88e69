/** Plans that go back by noise. */
import assert from "node:assert/strict";
import { makeGrid } from "../../../../model/diffusion/grids.ts";
import { planSampling, type SamplerName } from "../../../../model/diffusion/samplers/mod.ts";
import { callsOf, resampled } from "../../../../model/diffusion/samplers/resample.ts";
import { makeSchedule } from "../../../../model/diffusion/schedules.ts";

const schedule = makeSchedule({ type: "cosine", factor: 0.9995 });
const plan = (steps: number, sampler: SamplerName = "ddpm") =>
  planSampling(sampler, schedule, makeGrid({ type: "uniform" }, steps, schedule));

Deno.test("resampled() makes as many calls as callsOf() says, each stretch as often as asked, and ends as the plan does", () => {
  for (const [steps, times, back] of [[5, 2, 1], [9, 3, 4], [9, 2, 3], [10, 4, 3], [2, 20, 1]]) {
    const own = plan(steps), more = resampled(own, { times, back });
    assert.equal(more.length, callsOf(steps, { times, back }));
    assert.deepEqual(more.at(-1), own.at(-1));
    own.slice(0, -1).forEach(({ t }, k) => {
      const whole = k < back * Math.floor((steps - 1) / back);
      assert.equal(
        more.filter((step) => step.t === t).length,
        whole ? times : 1,
        `${steps} ${times} ${back}, call ${k}`,
      );
    });
  }
  assert.equal(callsOf(7), 7);
});

Deno.test("resampled() leaves a known molecule's latents at the schedule's noise, whatever the sampler", () => {
  for (const sampler of ["ddpm", "ddim", "consistency"] as const) {
    // Of z = mean x + noise of a deviation, where the estimate is x: both are the schedule's at every call.
    const more = resampled(plan(9, sampler), { times: 3, back: 2 });
    let mean = more[0].alpha, variance = more[0].sigma ** 2;
    for (const [k, step] of more.slice(0, -1).entries()) {
      mean = step.z * mean + step.x0, variance = step.z ** 2 * variance + step.noise ** 2;
      assert.ok(Math.abs(mean - more[k + 1].alpha) < 1e-6, `${sampler}, call ${k}`);
      assert.ok(Math.abs(variance - more[k + 1].sigma ** 2) < 1e-6, `${sampler}, call ${k}`);
    }
  }
});

Deno.test("resampled() refuses plans that look back at estimates, and stretches longer than the plan", () => {
  assert.throws(() => resampled(plan(6, "dpm-solver++"), { times: 2, back: 1 }), /resample must be absent/);
  assert.throws(() => resampled(plan(4), { times: 2, back: 4 }), /back must be 1 to 3 at 4 steps; got 4/);
});
