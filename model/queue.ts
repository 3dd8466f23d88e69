/**
 * Who may use the device. There is one device, many requests: each request holds a place in the queue for as long as it
 * lives, and takes turns on the device. A turn is given up after each piece of work and, inside a long one, after a
 * slice of time, so that a request for 1,000 molecules cannot starve one for a single molecule.
 */

/** The queue has no place left; `retryAfter` is a guess, in seconds, at when one will be free. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
  constructor(readonly limit: number, readonly retryAfter: number) {
    super(`the queue is full: at most ${limit} requests may be held at once; try again in ${retryAfter} s`);
  }
}

/** Time on the device, given to one request. */
export interface Turn {
  /** Gives the device away where this turn's slice of time is over and others wait, and resolves when it is back. */
  yield(): Promise<void>;
}

/** A request's place in the queue. */
export interface Place {
  /**
   * Waits for the device, runs `work`, gives the device back.
   *
   * @throws the signal's reason where it is aborted before the turn comes; whatever `work` throws
   */
  turn<T>(work: (turn: Turn) => Promise<T>): Promise<T>;
  /** Milliseconds that this request has waited for the device so far. */
  readonly waitedMs: number;
  /** No other request holds a place. */
  readonly alone: boolean;
  /** Gives up the place. May be called more than once. */
  leave(): void;
}

/** A first-in, first-out queue for one device. */
export interface Queue {
  /**
   * Takes a place, at once.
   *
   * @param signal ends the place's waits
   * @throws QueueFullError
   */
  enter(signal?: AbortSignal): Place;
  /** Requests that hold a place. */
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
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`limit must be a positive integer, not ${limit}`);
  if (!(sliceMs >= 0)) throw new RangeError(`sliceMs must be at least 0, not ${sliceMs}`);
  const waiting: { start: () => void }[] = [];
  let held = 0, busy = false, meanStay = 1000;

  const release = () => {
    const next = waiting.shift();
    if (next) next.start();
    else busy = false;
  };

  /** Resolves when the device is the caller's; rejects, and leaves the line, when the signal is aborted first. */
  const acquire = (signal?: AbortSignal): Promise<void> => {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!busy) {
      busy = true;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const leaveLine = () => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(signal!.reason);
      };
      const entry = {
        start: () => {
          signal?.removeEventListener("abort", leaveLine);
          resolve();
        },
      };
      waiting.push(entry);
      signal?.addEventListener("abort", leaveLine, { once: true });
    });
  };

  const enter = (signal?: AbortSignal): Place => {
    if (held >= limit) throw new QueueFullError(limit, Math.max(1, Math.ceil(meanStay / 1000)));
    held++;
    const entered = now();
    let waitedMs = 0, left = false;
    const wait = async () => {
      const from = now();
      try {
        await acquire(signal);
      } finally {
        waitedMs += now() - from;
      }
    };
    return {
      async turn(work) {
        await wait();
        let mine = true, since = now();
        try {
          return await work({
            async yield() {
              signal?.throwIfAborted();
              if (waiting.length === 0 || now() - since < sliceMs) return;
              mine = false;
              release();
              await wait();
              mine = true;
              since = now();
            },
          });
        } finally {
          if (mine) release();
        }
      },
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
