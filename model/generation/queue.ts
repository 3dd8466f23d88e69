/**
 * Who may use the device. There is one device, many requests: each request holds a slot in the queue for as long as it
 * lives, and takes turns on the device. A turn is given up after each piece of work and, inside a long one, after a
 * slice of time, so that a request for 1,000 molecules cannot starve one for a single molecule.
 *
 * Work that can share calls of the denoiser (`batching.ts`) begins before its turn comes, and stands in line meanwhile.
 */
import type { Turn } from "./turn.ts";
import { createSharedCalls, type SharedCalls } from "./batching.ts";
import { type Claim, createLedger, type Entry, type Ledger, type LedgerOptions } from "./ledger.ts";
import { createLine } from "./line.ts";

/** How a turn begins. */
export interface TurnOptions {
  /** The work begins at once, before the device is its own. Default false. */
  readonly early?: boolean;
}

/** A request's slot in the queue. Its `leave` gives it up. */
export interface Slot extends Entry {
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
  /** Requests' work goes first. */
  readonly background: boolean;
}

/** A first-in, first-out queue for one device. */
export interface Queue extends Pick<Ledger, "held" | "work" | "waiting" | "oldestMs" | "limit"> {
  /**
   * Takes a slot, at once.
   *
   * @param signal ends the slot's waits
   * @throws OverShareError, QueueFullError
   */
  enter(signal?: AbortSignal, claim?: Claim): Slot;
  /**
   * A place for work that nobody waits for: it takes turns on the device as requests do, but is in no ledger, so that no request is refused for it and
   * `held` tells of requests alone. Whoever has it makes room between pieces of its work while requests are held.
   */
  background(signal?: AbortSignal): Slot;
}

/** How a queue behaves. */
export interface QueueOptions extends LedgerOptions {
  /** Milliseconds that a turn may last while others wait. Default 100. */
  readonly sliceMs?: number;
}

/**
 * A queue for one device.
 *
 * @throws RangeError where `sliceMs` is negative, or as {@link createLedger} does
 */
export function createQueue(
  { sliceMs = 100, now = () => performance.now(), ...options }: QueueOptions = {},
): Queue {
  if (!(sliceMs >= 0)) throw new RangeError(`sliceMs must be at least 0; got ${sliceMs}`);
  const line = createLine(), calls = createSharedCalls(), ledger = createLedger({ ...options, now });

  const slotOf = (entry: Entry, background: boolean, signal?: AbortSignal): Slot => {
    let waitedMs = 0, fresh = true;
    return {
      ...entry,
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
        return !background && ledger.held === 1;
      },
      background,
    };
  };

  return {
    enter: (signal, claim) => slotOf(ledger.enter(claim), false, signal),
    background: (signal) => slotOf({ progress() {}, leave() {} }, true, signal),
    get held() {
      return ledger.held;
    },
    get work() {
      return ledger.work;
    },
    get waiting() {
      return ledger.waiting;
    },
    get oldestMs() {
      return ledger.oldestMs;
    },
    limit: ledger.limit,
  };
}
