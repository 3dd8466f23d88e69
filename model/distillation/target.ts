/**
 * What a student must predict so that one of its steps equals two of its teacher's.
 *
 * A step from t to s, deterministic (DDIM) or to the posterior's mean, has the form
 *
 *     k_s z_s' = k_t z_t' + (r_s - r_t) x0,      r = alpha / sigma (DDIM), r = alpha^2 / sigma^2 (posterior mean),
 *
 * with z' the latent in units that depend on the time alone. Two steps t -> u -> v of a teacher that estimates x_t, then
 * x_u, add up to (r_u - r_t) x_t + (r_v - r_u) x_u, and one step t -> v of a student gives (r_v - r_t) x. They agree where
 *
 *     x = x_t + w (x_u - x_t),      w = (r_v - r_u) / (r_v - r_t) in [0, 1].
 *
 * For DDIM this is the target of Salimans & Ho, "Progressive distillation" (2022), algorithm 2,
 * (z_v - (sigma_v/sigma_t) z_t) / (alpha_v - (sigma_v/sigma_t) alpha_t), in a form in which nothing cancels: a convex
 * combination of two estimates, whatever the times. As v -> 0, r_v -> infinity and w -> 1. It also keeps
 * probabilities probabilities, so that classes can be learned by cross-entropy.
 */
import type { ScheduleValues } from "../diffusion/types.ts";

/** Whose two steps: deterministic ones, or posterior means. */
export type Variant = "ddim" | "ddpm";

/** The share w of the second estimate. `t > u > v`; float64, from differences of log-SNRs. */
export function secondShare(variant: Variant, t: ScheduleValues, u: ScheduleValues, v: ScheduleValues): number {
  if (!(t.logSnr < u.logSnr && u.logSnr < v.logSnr)) {
    throw new RangeError(`times must fall, log-SNRs rise: got ${t.logSnr}, ${u.logSnr}, ${v.logSnr}`);
  }
  const power = variant === "ddim" ? 0.5 : 1;
  // (1 - r_u/r_v) / (1 - r_t/r_v); with r_v infinite both are 1.
  return Math.expm1(power * (u.logSnr - v.logSnr)) / Math.expm1(power * (t.logSnr - v.logSnr));
}

/**
 * The share of the second estimate by which one DDIM step t -> v goes where one step of DPM-Solver++(2S) does, whose middle is u: Lu et al.,
 * "DPM-Solver++" (2022), algorithm 1. With lambda = logSnr / 2 and r = (lambda_u - lambda_t) / (lambda_v - lambda_t) its estimate is
 * x_t + (x_u - x_t) / (2 r): x_u itself where u stands in the middle. Its share has no bound where v is the data: there two steps of the first order
 * are made, {@link secondShare}.
 */
export const middleShare = (t: ScheduleValues, u: ScheduleValues, v: ScheduleValues): number =>
  (v.logSnr - t.logSnr) / (2 * (u.logSnr - t.logSnr));

/**
 * The share of the second estimate, at s, by which one DDIM step t -> s goes where one step of Heun's method does: Karras et al., "Elucidating the
 * design space of diffusion-based generative models" (2022), algorithm 1. In units of {@link secondShare}'s it adds
 * kappa_s (kappa_s / kappa_t - 1) / 2 (x_s - x_t) to (kappa_s - kappa_t) x_t, kappa = alpha / sigma, so that the share is kappa_s / (2 kappa_t).
 */
export const heunShare = (t: ScheduleValues, s: ScheduleValues): number => Math.exp((s.logSnr - t.logSnr) / 2) / 2;

/** x_t + w (x_u - x_t) for a batch, one share a molecule; into `second`, which is given back. */
export function combine(first: Float32Array, second: Float32Array, shares: ArrayLike<number>): Float32Array {
  const batch = shares.length, length = first.length / batch;
  if (second.length !== first.length || !Number.isInteger(length)) {
    throw new RangeError(
      `estimates must be of one length for ${batch} molecules; got ${first.length} and ${second.length}`,
    );
  }
  for (let b = 0; b < batch; b++) {
    const w = shares[b];
    for (let i = b * length; i < (b + 1) * length; i++) second[i] = first[i] + w * (second[i] - first[i]);
  }
  return second;
}

/**
 * The loss weight of a student's x: max(SNR, 1), the "truncated SNR" of Salimans & Ho (2022), section 4, capped where the
 * data lie near: at t -> 0 nothing is left to learn.
 */
export function truncatedSnr({ logSnr }: ScheduleValues, cap = Infinity): number {
  return Math.min(Math.max(Math.exp(logSnr), 1), cap);
}
