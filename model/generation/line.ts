/**
 * Who stands in line for the one device, first in, first out. No queue of npm's (`p-queue`, `p-limit`, `async-mutex`) does for it: work here
 * begins before its turn, gives the device back in its midst, goes to the end of the line when another's turn has served it, and looks at
 * who waits.
 */

/** One who stands in line, or has the device. */
export interface Standing {
  /** Resolves when the device is the caller's. @throws the signal's reason where it is aborted before */
  readonly granted: Promise<void>;
  /** Leaves the line, where the device has not come yet. */
  leave(): void;
  /** Goes to the end of the line. */
  back(): void;
}

/** A line for one device. */
export interface Line {
  /**
   * Stands in line, or takes the device where it is free.
   *
   * @param fresh it is the first time for this request
   * @param start called at the very moment at which the device is the caller's
   */
  stand(fresh: boolean, start: () => void, signal?: AbortSignal): Standing;
  /** Gives the device to the next. To be called by whoever has it. */
  release(): void;
  /** How many wait. */
  readonly length: number;
  /** Somebody waits who has had no turn yet. */
  readonly fresh: boolean;
}

/** An empty line; the device is free. */
export function createLine(): Line {
  const waiting: { fresh: boolean; start(): void }[] = [];
  let busy = false;

  const stand: Line["stand"] = (fresh, start, signal) => {
    const { promise: granted, resolve, reject } = Promise.withResolvers<void>();
    granted.catch(() => {}); // whoever waits hears of it
    const entry = {
      fresh,
      start() {
        signal?.removeEventListener("abort", abort);
        start();
        resolve();
      },
    };
    /** @returns whether it stood there */
    const out = () => {
      const at = waiting.indexOf(entry);
      if (at >= 0) waiting.splice(at, 1);
      return at >= 0;
    };
    const leave = () => {
      signal?.removeEventListener("abort", abort);
      out();
    };
    const abort = () => {
      leave();
      reject(signal!.reason);
    };
    const back = () => {
      if (out()) waiting.push(Object.assign(entry, { fresh: false }));
    };
    if (signal?.aborted) reject(signal.reason);
    else if (busy) {
      waiting.push(entry);
      signal?.addEventListener("abort", abort, { once: true });
    } else {
      busy = true;
      entry.start();
    }
    return { granted, leave, back };
  };

  return {
    stand,
    release() {
      const next = waiting.shift();
      if (next) next.start();
      else busy = false;
    },
    get length() {
      return waiting.length;
    },
    get fresh() {
      return waiting.some(({ fresh }) => fresh);
    },
  };
}
