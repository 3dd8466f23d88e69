/** The solvers whose steps a teacher can make, by the names of samplers. */

/** The solvers' names; `ddpm` draws noise. */
export const SOLVERS = ["ddim", "heun", "dpm-solver++", "ddpm"] as const;

/** A solver's name. */
export type SolverName = typeof SOLVERS[number];
