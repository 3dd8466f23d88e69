/** Names of samplers. */

/** Samplers that take the undistilled weights, at any number of steps. */
export const SAMPLERS = ["ddpm", "ancestral", "ddim", "dpm-solver++", "consistency"] as const;

/**
 * The sampler whose steps a student makes. `progressive` learns two of the teacher's as one: deterministic ones, or posterior
 * means (ELPD's two variants). `moments` learns to be drawn from: by DDPM's posterior, or with fresh noise at each step (consistency).
 */
export const VARIANTS = ["ddim", "ddpm", "consistency"] as const;

/** What a request may ask for as its sampler. */
export const SAMPLER_NAMES = ["distilled", ...SAMPLERS] as const;

/** A sampler's name in a request. */
export type SamplerName = typeof SAMPLER_NAMES[number];
