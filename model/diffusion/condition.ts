/** What a network is told of a molecule beside its noisy latents. */
import type { PropertyValues } from "../../chem/properties.ts";
import type { ScheduleValues } from "./types.ts";

/** A network that is told more (a second time, properties) finds it here. */
export interface Condition {
  /** The time of the latents, in [0, 1]. */
  readonly time: number;
  /** The sampler's number of steps, at least 1, for a network that is told it (`networks/pair_attention/levels.ts`). */
  readonly steps?: number;
  /** Latents hold the clean graph, classes and bond orders, whatever the time; for a network that is told so (`networks/pair_attention/parameters.ts`). */
  readonly graph?: true;
  /** Properties that the molecule is to have, for a network that is told them (`networks/pair_attention/properties.ts`); those absent are unknown. */
  readonly properties?: PropertyValues;
  /**
   * How much of what the properties change is taken: the estimate is guided from the one without properties to the one with them, and beyond it above 1
   * (`networks/heavy_atom/guide.ts`), or by a network that is told how far (`networks/pair_attention/scale.ts`) at once. Default 1, the estimate with them.
   */
  readonly guidance?: number;
  /** How far the estimate is guided from that of the network's weaker self, and beyond it above 1 (`networks/heavy_atom/autoguide.ts`). Default 1, the network's own. */
  readonly autoguidance?: number;
  /** The weaker self is asked. */
  readonly weak?: true;
}

/** What stays the same through a sampling: a condition but for its time. */
export type FixedCondition = Omit<Condition, "time">;

/** One condition for all molecules of a batch, or one a molecule. */
export type Conditions = Condition | readonly Condition[];

/** Whether there is one a molecule. */
const isEach = (conditions: Conditions): conditions is readonly Condition[] => Array.isArray(conditions);

/**
 * The conditions of a batch, one a molecule.
 *
 * @throws RangeError where they are not `batch` in number
 */
export function eachCondition(conditions: Conditions, batch: number): readonly Condition[] {
  if (!isEach(conditions)) return Array<Condition>(batch).fill(conditions);
  if (conditions.length !== batch) {
    throw new RangeError(`conditions must be one for all or ${batch}, one a molecule; got ${conditions.length}`);
  }
  return conditions;
}

/** The same conditions, each changed by `change`. */
export const mapConditions = (conditions: Conditions, change: (condition: Condition) => Condition): Conditions =>
  isEach(conditions) ? conditions.map(change) : change(conditions);

/** Conditions in words, for errors. */
export const conditionWords = (conditions: Conditions): string =>
  isEach(conditions) ? `${conditions.length} times` : `t = ${conditions.time}`;

/** Conditions of a batch, and the schedule at their times. */
export interface Conditioned {
  /** `[B]` */
  readonly conditions: readonly Condition[];
  /** `[B]` */
  readonly alpha: Float32Array;
  /** `[B]` */
  readonly sigma: Float32Array;
}

/** See {@link Conditioned}. */
export function conditioned(
  conditions: readonly Condition[],
  schedule: (time: number) => Pick<ScheduleValues, "alpha" | "sigma">,
): Conditioned {
  const values = conditions.map(({ time }) => schedule(time));
  return {
    conditions,
    alpha: Float32Array.from(values, ({ alpha }) => alpha),
    sigma: Float32Array.from(values, ({ sigma }) => sigma),
  };
}
