/**
 * When a round ends by itself. The rates stay until the validation curve is flat, or until `hold` of the time allowed is
 * over; then they fall for a while that is a fixed share of the whole. So a round takes as long as its own curve says, and still
 * ends with small rates.
 */

/** One validation. */
export interface Validation {
  readonly update: number;
  readonly seconds: number;
  /** Loss on held-out molecules. */
  readonly heldOut: number;
  /** Molecule stability of molecules drawn, [0, 1], with its interval. */
  readonly stability?: { readonly value: number; readonly low: number; readonly high: number };
}

/** How a course behaves. */
export interface CourseOptions {
  /** Share of a round in which the rates fall. */
  readonly cooldown: number;
  /** Validations in a row without a gain that make the curve flat. */
  readonly patience: number;
  /** Least relative gain of the held-out loss. */
  readonly gain: number;
}

/** What is asked of a course where nothing else is said. */
export const COURSE: CourseOptions = { cooldown: 0.4, patience: 2, gain: 0.005 };

/**
 * Where the curve became flat: the first validation after which `patience` in a row gained nothing on the best before,
 * neither `gain` of the held-out loss nor half an interval of stability. Undefined where it rises yet.
 */
export function plateau(curve: readonly Validation[], { patience, gain }: CourseOptions): Validation | undefined {
  let loss = Infinity, stable = -Infinity, since = 0;
  for (const one of curve) {
    const { heldOut, stability } = one;
    const margin = stability ? (stability.high - stability.low) / 4 : 0;
    const better = heldOut < loss * (1 - gain) || (stability !== undefined && stability.value > stable + margin);
    since = better ? 0 : since + 1;
    loss = Math.min(loss, heldOut), stable = Math.max(stable, stability?.value ?? -Infinity);
    if (since >= patience) return one;
  }
}

/**
 * Share of a round that is over, 0 to 1, given the validations so far: the rates of `rateFactor` with this `cooldown` fall
 * once it passes 1 - cooldown.
 *
 * @param seconds of training so far
 * @param limit most seconds of training; Infinity for none
 */
export function courseOf(
  curve: readonly Validation[],
  seconds: number,
  limit: number,
  options: CourseOptions = COURSE,
): number {
  const hold = 1 - options.cooldown, flat = plateau(curve, options);
  const end = flat ? Math.min(limit, flat.seconds / hold) : limit;
  // Before the plateau is known the share goes by the limit; at the plateau it is `hold` exactly, and never falls back.
  return Number.isFinite(end) ? Math.min(1, seconds / end) : 0;
}
