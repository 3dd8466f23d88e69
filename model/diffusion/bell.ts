/** Something that rings, and those who wait for it. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, or when the signal is aborted. */
  next(signal?: AbortSignal): Promise<void>;
}

/** A bell. */
export function createBell(): Bell {
  let waiting = new Set<() => void>();
  return {
    ring() {
      const all = waiting;
      waiting = new Set();
      for (const wake of all) wake();
    },
    next(signal) {
      if (signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        waiting.add(wake);
        signal?.addEventListener("abort", wake, { once: true });
      });
    },
  };
}
