/** Conditions of tests in short. */
import type { Condition, Conditions } from "../model/diffusion/condition.ts";

/** At one time for all, or at one a molecule; `steps` likewise, where the network is told them. */
export function at(t: number | ArrayLike<number>, steps?: number | ArrayLike<number>): Conditions {
  const one = (time: number, b: number): Condition => {
    const own = typeof steps === "object" ? steps[b] : steps;
    return own === undefined ? { time } : { time, steps: own };
  };
  if (typeof t === "number" && typeof steps !== "object") return one(t, 0);
  const count = typeof t === "object" ? t.length : (steps as ArrayLike<number>).length;
  return Array.from({ length: count }, (_, b) => one(typeof t === "number" ? t : t[b], b));
}

/** The times of conditions. */
export const timesOf = (conditions: readonly Condition[]): number[] => conditions.map(({ time }) => time);
