/**
 * Who holds how much of the service. Work is counted in molecule-steps that are yet to be drawn, so a place does not weigh the same for one
 * molecule and for a thousand; and no client may hold more than a share while others could want the rest.
 */

/** What a request asks of the service. */
export interface Claim {
  /** Molecule-steps. Default 0. */
  readonly work?: number;
  /** Whose it is. Without one no share is held against it. */
  readonly client?: string;
}

/** There is no room for a request of whomever; `retryAfter` is when there will be, in seconds, as things go. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
  constructor(why: string, readonly retryAfter: number) {
    super(`the queue is full: ${why}; try again in ${retryAfter} s`);
  }
}

/** A client holds its share; `retryAfter` is when it will hold less, in seconds, as things go. */
export class OverShareError extends Error {
  override readonly name = "OverShareError";
  constructor(why: string, readonly retryAfter: number) {
    super(`this client holds its share of the service: ${why}; try again in ${retryAfter} s`);
  }
}

/** How much there is to hold. */
export interface LedgerOptions {
  /** Requests. Default 32. */
  readonly limit?: number;
  /** Molecule-steps of all requests together; a request that is alone may have more. Default: no limit. */
  readonly maxWork?: number;
  /** Of both, what one client may hold, 0 to 1; its first request may have more. Default 1. */
  readonly share?: number;
  /** The clock, milliseconds. */
  readonly now?: () => number;
}

/** A request in the ledger. */
export interface Entry {
  /** Tells how much of its work is done, 0 to 1. */
  progress(fraction: number): void;
  /** Takes it out. May be called more than once. */
  leave(): void;
}

/** See {@link createLedger}. */
export interface Ledger {
  /** @throws OverShareError, QueueFullError */
  enter(claim?: Claim): Entry;
  /** Requests held. */
  readonly held: number;
  /** Molecule-steps yet to be drawn. */
  readonly work: number;
  /** Of both, those of requests of which nothing is drawn yet. */
  readonly waiting: { readonly held: number; readonly work: number };
  /** Milliseconds since the oldest request that is held came; 0 where none is. */
  readonly oldestMs: number;
  readonly limit: number;
}

interface Held {
  readonly client: string | undefined;
  /** When it came. */
  readonly since: number;
  /** Nothing of it is drawn yet. */
  waiting: boolean;
  /** Molecule-steps yet to be drawn. */
  left: number;
}

/** What a service that has drawn nothing yet is taken to do, molecule-steps a second. */
const UNMEASURED = 1000;

/** Time over which the rate is a mean, and longest wait that is told. */
const MEMORY_MS = 60_000, LONGEST_S = 3600;

/**
 * An empty ledger.
 *
 * @throws RangeError where `limit` is not a positive integer, `maxWork` not positive or `share` not from 0 to 1
 */
export function createLedger(
  { limit = 32, maxWork = Infinity, share = 1, now = () => performance.now() }: LedgerOptions = {},
): Ledger {
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`limit must be a positive integer; got ${limit}`);
  if (!(maxWork > 0)) throw new RangeError(`maxWork must be above 0; got ${maxWork}`);
  if (!(share >= 0 && share <= 1)) throw new RangeError(`share must be 0 to 1; got ${share}`);
  const entries = new Set<Held>(), places = Math.max(1, Math.floor(share * limit)), most = share * maxWork;
  const rate = createRate(now);
  const workOf = (some: Iterable<Held>) => Iterator.from(some).reduce((sum, { left }) => sum + left, 0);
  const seconds = (work: number) => Math.min(LONGEST_S, Math.max(1, Math.ceil(work / (rate.value || UNMEASURED))));
  /** Work until one of these is done: all that are held share the device evenly. */
  const untilOne = (some: readonly Held[]) => entries.size * Math.min(...some.map(({ left }) => left));

  const check = ({ work = 0, client }: Claim) => {
    const own = client === undefined ? [] : [...entries].filter((one) => one.client === client);
    const mine = workOf(own), all = workOf(entries);
    if (own.length >= places && share < 1) {
      throw new OverShareError(`at most ${places} of its requests may be held at once`, seconds(untilOne(own)));
    }
    if (own.length > 0 && share < 1 && mine + work > most) {
      const wait = (mine + work - most) * entries.size / own.length;
      throw new OverShareError(
        `at most ${most} molecule-steps of it may be held at once, ${mine} are and ${work} are asked`,
        seconds(wait),
      );
    }
    if (entries.size >= limit) {
      throw new QueueFullError(`at most ${limit} requests may be held at once`, seconds(untilOne([...entries])));
    }
    if (entries.size > 0 && all + work > maxWork) {
      throw new QueueFullError(
        `at most ${maxWork} molecule-steps may be held at once, ${all} are and ${work} are asked`,
        seconds(all + work - maxWork),
      );
    }
  };

  return {
    enter(claim = {}) {
      check(claim);
      const { work = 0, client } = claim, held: Held = { client, since: now(), waiting: true, left: work };
      rate.run(entries.size > 0);
      entries.add(held);
      return {
        progress(fraction) {
          if (!entries.has(held)) return;
          const left = Math.max(0, Math.round(work * (1 - fraction)));
          rate.run(true);
          rate.add(held.left - left);
          held.left = left;
          held.waiting = false;
        },
        leave() {
          rate.run(entries.size > 0);
          entries.delete(held);
        },
      };
    },
    get held() {
      return entries.size;
    },
    get work() {
      return workOf(entries);
    },
    get waiting() {
      const those = [...entries].filter(({ waiting }) => waiting);
      return { held: those.length, work: workOf(those) };
    },
    get oldestMs() {
      const [oldest] = entries; // a set keeps the order in which they came
      return oldest ? now() - oldest.since : 0;
    },
    limit,
  };
}

/** Work in the time in which there was some, the last minute counting most. */
function createRate(now: () => number) {
  let work = 0, ms = 0, last = now();
  return {
    /** The time since the last call was spent with work, or without. */
    run(busy: boolean) {
      const passed = now() - last;
      last += passed;
      if (!busy) return;
      const kept = Math.exp(-passed / MEMORY_MS);
      work *= kept;
      ms = ms * kept + passed;
    },
    add(done: number) {
      work += done;
    },
    /** Molecule-steps a second; 0 where none is known. */
    get value() {
      return ms > 0 ? 1000 * work / ms : 0;
    },
  };
}
