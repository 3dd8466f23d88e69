/** How late the event loop is. `monitorEventLoopDelay` of `node:perf_hooks` does not see a blocked loop in Deno 2.9.6: 0.05 ms of 300. */

/** A watch on the event loop. */
export interface LoopLag {
  /** The worst of the last minute, milliseconds. */
  readonly worst: number;
  stop(): void;
}

/** How to watch. */
export interface LoopLagOptions {
  /** Period of the timer, milliseconds. Default 20: fifty times a second something is done that takes some microseconds. */
  readonly everyMs?: number;
  /** Told each time, milliseconds. */
  readonly onLag?: (ms: number) => void;
  readonly now?: () => number;
}

/** Parts of the minute over which the worst is kept, and how long one is. */
const PARTS = 6, PART_MS = 10_000;

/**
 * Watches the event loop by a timer: the lag is how much later than asked it comes. A stretch that blocks the loop is told short by up to a period, as it begins
 * somewhere between two ticks. Keeps no process alive.
 */
export function watchLoop(
  { everyMs = 20, onLag = () => {}, now = () => performance.now() }: LoopLagOptions = {},
): LoopLag {
  const worsts = new Float64Array(PARTS);
  let last = now(), part = Math.floor(last / PART_MS);
  /** Forgets the parts of the minute that are over. */
  const turn = (at: number) => {
    const current = Math.floor(at / PART_MS);
    for (let gone = Math.max(part, current - PARTS) + 1; gone <= current; gone++) worsts[gone % PARTS] = 0;
    part = current;
  };
  const timer = setInterval(() => {
    const at = now(), lag = Math.max(0, at - last - everyMs);
    last = at;
    turn(at);
    worsts[part % PARTS] = Math.max(worsts[part % PARTS], lag);
    onLag(lag);
  }, everyMs);
  Deno.unrefTimer(timer);
  return {
    get worst() {
      turn(now());
      return Math.max(...worsts);
    },
    stop: () => clearInterval(timer),
  };
}
