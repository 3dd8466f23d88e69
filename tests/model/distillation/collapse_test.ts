/** Why the deterministic variant of the paper collapses at 63 steps, and that ours does not. docs/distillation.md tells it. */
import assert from "node:assert/strict";
import { combine, secondShare } from "../../../model/distillation/target.ts";
import { ddimStep } from "../../../model/diffusion/samplers/ddim.ts";
import { ddpmStep } from "../../../model/diffusion/samplers/ddpm.ts";
import { polynomialSchedule } from "../../../model/diffusion/schedules.ts";
import { climbDown, LADDER, schedule } from "./one_coordinate.ts";

const f = Math.fround, kappa = (t: number) => schedule(t).alpha / schedule(t).sigma;
const print = (...words: unknown[]) => Deno.env.get("MOLSTEP_TEST_PRINT") && console.log(...words);

/** Worst errors over all times of the target in float32, by the paper's formula and by ours, for estimates of size 1. */
function worstTargets(steps: number): { paper: number; ours: number } {
  let paper = 0, ours = 0;
  for (let i = 1; i <= steps; i++) {
    const [t, u, v] = [i, i - 0.5, i - 1].map((k) => schedule(k / steps));
    for (const [first, second, noise] of [[0.3, 0.5, 1.1], [-1.2, -1.1, 0.4], [2, 2.3, -1.7]]) {
      const [xt, xu, z] = [f(first), f(second), f(t.alpha * first + t.sigma * noise)];
      // In float64, from the same rounded numbers.
      const share = secondShare("ddim", t, u, v), exact = xt + share * (xu - xt);
      const [at, st, au, su, av, sv] = [t.alpha, t.sigma, u.alpha, u.sigma, v.alpha, v.sigma].map(f);
      const zu = f(f(au * xt) + f(f(su / st) * f(z - f(at * xt))));
      const zv = f(f(av * xu) + f(f(sv / su) * f(zu - f(au * xu)))), ratio = f(sv / st);
      const found = f(f(zv - f(ratio * z)) / f(av - f(ratio * at)));
      paper = Math.max(paper, Math.abs(found - exact));
      ours = Math.max(ours, Math.abs(combine(Float32Array.of(xt), Float32Array.of(xu), [share])[0] - exact));
    }
  }
  return { paper, ours };
}

Deno.test("the paper's target is off by 1e-4 at most in float32, and by less the fewer the steps; ours by 3e-7", () => {
  let before = Infinity;
  for (const steps of [1000, ...LADDER]) {
    const { paper, ours } = worstTargets(steps);
    print(`${steps} steps: target off by ${paper.toExponential(1)} (paper), ${ours.toExponential(1)} (ours)`);
    assert.ok(ours < 3e-7);
    assert.ok(paper < 3e-4 && paper < 1.5 * before, `${steps}: ${paper} after ${before}`);
    before = paper;
  }
  assert.ok(worstTargets(63).paper < 2e-5, "rounding does not explain a collapse at 63");
  assert.ok(worstTargets(1000).paper > 100 * worstTargets(1000).ours, "and cancellation is there all the same");
});

Deno.test("a table of 125 times, asked at 126ths, is off by half an interval and no more", () => {
  const table = polynomialSchedule({ power: 2, precision: 1e-5, timesteps: 125 });
  let worst = 0, together = 0;
  for (let k = 1; k < 126; k++) {
    const entry = Math.round(125 * k / 126);
    worst = Math.max(worst, Math.abs(entry / 125 - k / 126));
    if (entry === Math.round(125 * (k - 1) / 126)) together++;
    // Deviations of z that differ by less than 4 % where noise rules, log-SNRs by less than 0.2 up to 0.95.
    if (k / 126 < 0.95 && k > 2) assert.ok(Math.abs(table(entry / 125).logSnr - schedule(k / 126).logSnr) < 0.2);
  }
  print(`times off by ${worst}, ${together} pair(s) on one entry`);
  assert.ok(worst < 0.5 / 125 + 1e-12);
  assert.equal(together, 1);
});

/** What a DDIM or posterior-mean step from 1 makes of an error of 1 in the predicted noise at t = 1. */
function gain(steps: number, rule: typeof ddimStep | typeof ddpmStep): number {
  const t = schedule(1);
  return rule(t, schedule(1 - 1 / steps)).x0 * t.sigma / t.alpha;
}

Deno.test("the first step multiplies an error in the noise by kappa_v / kappa_t - 1: 0.6 at 500 steps, 9 at 63", () => {
  for (const steps of LADDER.slice(0, -1)) {
    const v = 1 - 1 / steps, want = schedule(v).sigma * (kappa(v) / kappa(1) - 1);
    assert.ok(Math.abs(gain(steps, ddimStep) - want) < 1e-9 * want);
    print(
      `${steps} steps: gain ${want}, of which ancestral sampling keeps ${gain(steps, ddpmStep) * schedule(v).alpha}`,
    );
  }
  assert.ok(gain(500, ddimStep) < 0.7 && gain(63, ddimStep) > 8.5 && gain(8, ddimStep) > 70);
  // Ancestral sampling replaces z: of an error at v, alpha_v is left at the end (unit data). DDIM keeps it.
  assert.ok(gain(63, ddpmStep) * schedule(1 - 1 / 63).alpha < 0.4);
  assert.ok(gain(8, ddpmStep) * schedule(1 - 1 / 8).alpha > 9, "the other variant gets to the same at 8 steps");
});

Deno.test("t = 1 takes 98 % of the loss of a predicted noise at 63 steps", () => {
  const share = (steps: number) => {
    const weights = Array.from({ length: steps }, (_, k) => {
      const { logSnr } = schedule((k + 1) / steps);
      return Math.max(Math.exp(logSnr), 1) / Math.exp(logSnr);
    });
    return weights.at(-1)! / weights.reduce((a, b) => a + b);
  };
  for (const steps of LADDER) print(`${steps} steps: ${share(steps)}`);
  assert.ok(share(500) < 0.6 && share(63) > 0.97 && share(63) < 0.99);
});

Deno.test("the paper's way collapses at 63 steps for a network that predicts noise with 2 % of error", () => {
  const single = climbDown({ parametrisation: "eps", way: "paper", round: f });
  const double = climbDown({ parametrisation: "eps", way: "paper", round: (x) => x });
  print(single.outputError, single.before, [...single.by].join("; "));
  assert.ok(single.outputError > 0.01 && single.outputError < 0.03, `${single.outputError}`);
  assert.ok(single.before < 1.2 && single.by.get(500)! < 1.25, "sound at many steps");
  assert.ok(single.by.get(63)! > 2, `${single.by.get(63)} at 63 steps`);
  assert.ok(single.by.get(8)! > 8 && single.by.get(1)! > 10);
  // And rounding has no part in it.
  for (const [steps, value] of double.by) assert.ok(Math.abs(value / single.by.get(steps)! - 1) < 0.01);
});

for (const parametrisation of ["eps", "v", "x0"] as const) {
  Deno.test(`ours stays sound from 1000 steps to 1 for the same network that gives ${parametrisation}`, () => {
    const { before, by } = climbDown({ parametrisation, way: "ours", round: f, updates: 500 });
    print(parametrisation, before, [...by].join("; "));
    assert.ok(Math.abs(before - 1) < 0.03, `${before} before`);
    for (const [steps, value] of by) {
      const allowed = steps > 2 ? 0.06 : 0.25;
      assert.ok(Math.abs(value - 1) < allowed, `${value} at ${steps} steps`);
    }
  });
}
