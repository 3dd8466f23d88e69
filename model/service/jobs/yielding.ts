/** When a round may train while the service generates: generation goes first, but a round gets a share of the time at least. */

/** How to share the device. */
export interface YieldingOptions {
  /** Least share of the time that the round gets in any `windowMs`, 0 to 1, however many requests come. */
  readonly share: number;
  /** Default 10,000. */
  readonly windowMs?: number;
  /** How long no request may be held before the round goes on. Default 250. */
  readonly idleMs?: number;
}

/** A policy with a memory of when the round has run. */
export interface Yielding {
  /**
   * Whether the round may run from now until the next call.
   *
   * @param now milliseconds, never less than at the call before
   * @param busy whether requests are held now
   */
  allows(now: number, busy: boolean): boolean;
}

/**
 * A policy. While requests come, the round runs whenever it has had less than its share of the last half window, and then
 * for that share of half a window at a stretch: so two stretches lie in any window, and updates are not cut up.
 *
 * @throws RangeError for a share outside 0 to 1
 */
export function createYielding({ share, windowMs = 10_000, idleMs = 250 }: YieldingOptions): Yielding {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`share must be 0 to 1; got ${share}`);
  const period = windowMs / 2, due = share * period;
  /** Times at which the round ran, ascending, back to `period` ago. */
  let runs: { from: number; to: number }[] = [], running = false, last = 0;
  let busyAt = -Infinity, stretchEnd = -Infinity;

  const ran = (now: number) => runs.reduce((sum, { from, to }) => sum + to - Math.max(from, now - period), 0);
  return {
    allows(now, busy) {
      const latest = runs.at(-1);
      if (running && latest?.to === last) latest.to = now;
      else if (running) runs.push({ from: last, to: now });
      runs = runs.filter(({ to }) => to > now - period);
      last = now;
      if (busy) busyAt = now;
      if (now >= stretchEnd && ran(now) < due) stretchEnd = now + due;
      return running = share === 1 || now - busyAt >= idleMs || now < stretchEnd;
    },
  };
}
