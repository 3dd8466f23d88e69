/** What share the teacher's estimates have in what its steps lead to, by its solver; docs/distillation.md has the table. */
import type { ScheduleValues } from "../diffusion/types.ts";
import type { SolverName } from "./solvers.ts";
import { heunShare, middleShare, secondShare, type Variant } from "./target.ts";

/** The schedule at the times of a step t -> v and between, and whether v is the data. */
export interface Interval {
  readonly t: ScheduleValues;
  readonly u: ScheduleValues;
  readonly v: ScheduleValues;
  readonly last: boolean;
}

/** Calls that a teacher makes for one step of its student, the last step of `steps` included, in the mean. */
export const callsOf = (solver: SolverName | undefined, steps: number): number =>
  solver === "heun" ? (4 * steps - 1) / steps : 2;

/** The share of the estimate at u in what leads from t to v. */
export function shareOf(solver: SolverName | undefined, variant: Variant, { t, u, v, last }: Interval): number {
  return solver === "dpm-solver++" && !last ? middleShare(t, u, v) : secondShare(variant, t, u, v);
}

/** Of Heun's method the shares of the estimates at the ends of its two steps; 0 for one that ends at the data, which is of the first order. */
export const heunShares = ({ t, u, v, last }: Interval): readonly [number, number] => [
  heunShare(t, u),
  last ? 0 : heunShare(u, v),
];
