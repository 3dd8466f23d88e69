/**
 * Who may use the device. There is one device, many requests: each request holds a slot in the queue for as long as it
 * lives, and takes turns on the device. A turn is given up after each piece of work and, inside a long one, after a
 * slice of time, so that a request for 1,000 molecules cannot starve one for a single molecule.
 *
 * Work that can share calls of the denoiser (`batching.ts`) begins before its turn comes, and stands in line meanwhile.
 */
import type { Turn } from "./turn.ts";
import { createSharedCalls, type SharedCalls } from "./batching.ts";
import { createLine } from "./line.ts";

/** The queue has no slot left; `retryAfter` is a guess, in seconds, at when one will be free. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
  constructor(readonly limit: number, readonly retryAfter: number) {
    super(`the queue is full: at most ${limit} requests may be held at once; try again in ${retryAfter} s`);
  }
}

/** How a turn begins. */
export interface TurnOptions {
  /** The work begins at once, before the device is its own. Default false. */
  readonly early?: boolean;
}

/** A request's slot in the queue. */
export interface Slot {
  /**
   * Waits for the device, runs `work`, gives the device back.
   *
   * @throws the signal's reason where it is aborted before the turn comes; whatever `work` throws
   */
  turn<T>(work: (turn: Turn) => Promise<T>, options?: TurnOptions): Promise<T>;
  /** Calls that all places of the queue share. */
  readonly calls: SharedCalls;
  /** Milliseconds that this request has waited for the device so far. */
  readonly waitedMs: number;
  /** No other request holds a slot. */
  readonly alone: boolean;
  /** Gives up the slot. May be called more than once. */
  leave(): void;
}

/** A first-in, first-out queue for one device. */
export interface Queue {
  /**
   * Takes a slot, at once.
   *
   * @param signal ends the slot's waits
   * @throws QueueFullError
   */
  enter(signal?: AbortSignal): Slot;
  /** Requests that hold a slot. */
  readonly held: number;
  /** Places there are. */
  readonly limit: number;
}

/** How a queue behaves. */
export interface QueueOptions {
  /** Places: requests running or waiting. Default 32. */
  readonly limit?: number;
  /** Milliseconds that a turn may last while others wait. Default 100. */
  readonly sliceMs?: number;
  /** The clock, milliseconds. */
  readonly now?: () => number;
}

/**
 * A queue for one device.
 *
 * @throws RangeError where `limit` is not a positive integer or `sliceMs` is negative
 */
export function createQueue({ limit = 32, sliceMs = 100, now = () => performance.now() }: QueueOptions = {}): Queue {
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`limit must be a positive integer; got ${limit}`);
  if (!(sliceMs >= 0)) throw new RangeError(`sliceMs must be at least 0; got ${sliceMs}`);
  const line = createLine(), calls = createSharedCalls();
  let held = 0, meanStay = 1000;

  const enter = (signal?: AbortSignal): Slot => {
    if (held >= limit) throw new QueueFullError(limit, Math.max(1, Math.ceil(meanStay / 1000)));
    held++;
    const entered = now();
    let waitedMs = 0, left = false, fresh = true;
    return {
      async turn(work, { early = false } = {}) {
        let mine = false, since = 0;
        const start = () => {
          mine = true;
          since = now();
        };
        let standing = line.stand(fresh, start, signal);
        fresh = false;
        const give = () => {
          mine = false;
          line.release();
          standing = line.stand(false, start, signal);
        };
        const wait = async (until?: Promise<unknown>) => {
          if (mine) return;
          const from = now();
          try {
            await (until ? Promise.race([standing.granted, until]) : standing.granted);
          } finally {
            waitedMs += now() - from;
          }
        };
        const late = () => now() - since >= sliceMs;
        try {
          if (!early) await wait();
          return await work({
            async yield() {
              signal?.throwIfAborted();
              if (mine && line.length > 0 && late()) give();
              await wait();
            },
            get held() {
              return mine;
            },
            pass() {
              if (mine && line.length > 0 && (late() || line.fresh)) give();
            },
            wait,
            served: () => standing.back(),
            get waitedMs() {
              return waitedMs;
            },
          });
        } finally {
          standing.leave();
          if (mine) line.release();
        }
      },
      calls,
      get waitedMs() {
        return waitedMs;
      },
      get alone() {
        return held === 1;
      },
      leave() {
        if (left) return;
        left = true;
        held--;
        meanStay = 0.8 * meanStay + 0.2 * (now() - entered);
      },
    };
  };

  return {
    enter,
    get held() {
      return held;
    },
    limit,
  };
}
