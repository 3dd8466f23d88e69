/** How often clients have failed of late. */

/** Counts failures by client. */
export interface Failures {
  /** Counts one, but not where the client has failed with the same guess within the window: who repeats a wrong token guesses nothing. */
  add(client: string, guess: number): void;
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

/** One of them. */
interface Failure {
  readonly time: number;
  readonly guess: number;
}

/** Failures in a sliding window: 10 a minute, of 10,000 clients at most, which take a few MB. */
export function createFailures(
  { limit = 10, windowMs = 60_000, clients = 10_000, now = () => performance.now() }: FailureLimits = {},
): Failures {
  const failed = new Map<string, readonly Failure[]>(); // clients in the order of their last failures
  const recent = (client: string) => (failed.get(client) ?? []).filter(({ time }) => now() - time < windowMs);
  return {
    add(client, guess) {
      const before = recent(client);
      if (before.some((one) => one.guess === guess)) return;
      failed.delete(client);
      failed.set(client, [...before, { time: now(), guess }].slice(-limit));
      for (const [other, list] of failed) {
        if (failed.size <= clients && now() - list.at(-1)!.time < windowMs) break;
        failed.delete(other);
      }
    },
    wait(client) {
      const list = recent(client);
      return list.length < limit ? 0 : Math.ceil((list[0].time + windowMs - now()) / 1000);
    },
    get size() {
      return failed.size;
    },
  };
}
