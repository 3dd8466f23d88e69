/** One step of a deterministic solver between any two times: nothing is known of times before, so those of second order ask twice. */
import { ddimStep } from "../diffusion/samplers/ddim.ts";
import { heunCorrection } from "../diffusion/samplers/heun.ts";
import type { SamplerName } from "../diffusion/samplers/mod.ts";
import type { Step } from "../diffusion/samplers/step.ts";
import { timeAtLogSnr } from "../diffusion/schedules.ts";
import type { Schedule } from "../diffusion/types.ts";

/** A call of the denoiser at time t, and what is made of it. */
export interface SolverCall extends Step {
  readonly t: number;
}

/** A solver: its calls of the denoiser in a step, and the step from t to s, s < t, both above 0. */
interface Solver {
  readonly calls: number;
  step(schedule: Schedule, t: number, s: number): SolverCall[];
}

/** Song et al., "Denoising diffusion implicit models" (2021), eq. 12: of first order. */
const ddim: Solver = {
  calls: 1,
  step: (schedule, t, s) => [{ t, ...ddimStep(schedule(t), schedule(s)) }],
};

/** Karras et al., "Elucidating the design space of diffusion-based generative models" (2022), algorithm 1: the trapezoidal rule in sigma / alpha. */
const heun: Solver = {
  calls: 2,
  step: (schedule, t, s) => [...ddim.step(schedule, t, s), { t: s, ...heunCorrection(schedule(t), schedule(s)) }],
};

/**
 * Lu et al., "DPM-Solver++" (2022), algorithm 1, the single-step solver 2S, with r = 1/2: the estimate in the middle of the interval in log-SNR
 * stands for all of it. The multistep form, 2M, has no estimates before to look back at here. With u the middle and g(s) the share of x0 in DDIM's step to s,
 *
 *     z_u = (sigma_u / sigma_t) z_t + g(u) x0hat(z_t),     z_s = (sigma_s / sigma_t) z_t + g(s) x0hat(z_u).
 */
const dpmSolverPp: Solver = {
  calls: 2,
  step(schedule, t, s) {
    const from = schedule(t), to = schedule(s), middle = timeAtLogSnr(schedule, (from.logSnr + to.logSnr) / 2);
    const half = schedule(middle), there = ddimStep(from, half), keep = to.sigma / half.sigma;
    const second = { z: keep, x0: ddimStep(from, to).x0, before: [-keep * there.x0], noise: 0 };
    return [{ t, ...there }, { t: middle, ...second }];
  },
};

const REGISTRY = { "ddim": ddim, "heun": heun, "dpm-solver++": dpmSolverPp } as const satisfies Partial<
  Record<SamplerName, Solver>
>;

/** A solver of the probability flow, by the name of the sampler whose steps it makes. */
export type FlowSolver = keyof typeof REGISTRY;

/** Solvers of the probability flow; the first is that of DDIM's students. */
export const FLOW_SOLVERS = Object.keys(REGISTRY) as [FlowSolver, ...FlowSolver[]];

/** All solvers whose steps a teacher can make; `ddpm` draws noise. */
export const SOLVERS = [...FLOW_SOLVERS, "ddpm"] as const;

/** A solver's name. */
export type SolverName = typeof SOLVERS[number];

/** Calls of the denoiser in a step of this solver. */
export const callsOfSolver = (name: FlowSolver): number => REGISTRY[name].calls;

/** The step of this solver from t to s, as calls of the denoiser in turn; 1 >= t > s > 0. */
export const solverStep = (name: FlowSolver, schedule: Schedule, t: number, s: number): SolverCall[] =>
  REGISTRY[name].step(schedule, t, s);
