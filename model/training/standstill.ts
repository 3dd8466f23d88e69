/** Time that a process stood still while an update ran: stopped by SIGSTOP, or its machine asleep. Clocks go on, and a run by minutes would end by it. */

/** An update that takes so long, in seconds, and so many times as long as others did, did not work all the time. */
const LONG = 30, TIMES = 20;

/**
 * Seconds of an update that were no work, given one after another how long updates took: what is beyond the usual where an update took over
 * {@link LONG} seconds and over {@link TIMES} times the smoothed time of those before; 0 for the first, with nothing to compare it with.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const stoodStill = createStandstill();
 * assert.deepEqual([1, 1, 3601, 2].map(stoodStill), [0, 0, 3600, 0]);
 * ```
 */
export function createStandstill(): (seconds: number) => number {
  let usual: number | undefined;
  return (seconds) => {
    if (usual !== undefined && seconds > LONG && seconds > TIMES * usual) return seconds - usual;
    usual = usual === undefined ? seconds : 0.9 * usual + 0.1 * seconds;
    return 0;
  };
}
