/** How often clients have failed of late. */

/** Counts failures by client. */
export interface Failures {
  /** Counts one. */
  add(client: string): void;
  /** Seconds, rounded up, until this client may fail once more; 0 where it may now. */
  wait(client: string): number;
  /** Clients that are remembered. */
  readonly size: number;
}

/** What is allowed. */
interface FailureLimits {
  /** Failures of a client within the window. */
  readonly limit?: number;
  readonly windowMs?: number;
  /** Most clients that are remembered; beyond, those that have failed longest ago are forgotten. */
  readonly clients?: number;
  /** Milliseconds of a steady clock. */
  readonly now?: () => number;
}

/** Failures in a sliding window: 10 a minute, of 10,000 clients at most, which take some 2 MB. */
export function createFailures(
  { limit = 10, windowMs = 60_000, clients = 10_000, now = () => performance.now() }: FailureLimits = {},
): Failures {
  const times = new Map<string, readonly number[]>(); // clients in the order of their last failures
  const recent = (client: string) => (times.get(client) ?? []).filter((time) => now() - time < windowMs);
  return {
    add(client) {
      const list = [...recent(client), now()].slice(-limit);
      times.delete(client);
      times.set(client, list);
      for (const [other, list] of times) {
        if (times.size <= clients && now() - list.at(-1)! < windowMs) break;
        times.delete(other);
      }
    },
    wait(client) {
      const list = recent(client);
      return list.length < limit ? 0 : Math.ceil((list[0] + windowMs - now()) / 1000);
    },
    get size() {
      return times.size;
    },
  };
}
