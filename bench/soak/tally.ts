/** What a soak has seen: requests by kind and outcome, molecules, and what was not as it must be. */

/** Faults that are kept in words; beyond, they are counted. */
const KEPT = 200;

/** See {@link createTally}. */
export interface Tally {
  /** A request of this kind has come to this: a status, or what became of it where there is none. */
  request(kind: string, outcome: string | number): void;
  /** Molecules that a client has read whole. */
  molecules(count: number): void;
  /** A request was cut by a kill, with so many molecules that were promised. */
  lost(molecules: number): void;
  /** An invariant broke. */
  fault(what: string): void;
  /** What happened when, such as a kill. */
  event(what: string): void;
  readonly totals: Totals;
}

/** The numbers of a tally. */
export interface Totals {
  /** Requests by kind, then by outcome. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly molecules: number;
  readonly lost: { readonly requests: number; readonly molecules: number };
  readonly faults: { readonly count: number; readonly first: readonly string[] };
  readonly events: readonly { readonly seconds: number; readonly what: string }[];
}

/** An empty tally. @param told hears of events and faults as they come */
export function createTally(told: (line: string) => void = () => {}): Tally {
  const requests: Record<string, Record<string, number>> = {}, first: string[] = [];
  const events: { seconds: number; what: string }[] = [], began = performance.now();
  const seconds = () => Math.round((performance.now() - began) / 100) / 10;
  let molecules = 0, faults = 0;
  const lost = { requests: 0, molecules: 0 };
  return {
    request(kind, outcome) {
      const of = requests[kind] ??= {};
      of[outcome] = (of[outcome] ?? 0) + 1;
    },
    molecules: (count) => void (molecules += count),
    lost(count) {
      lost.requests++;
      lost.molecules += count;
    },
    fault(what) {
      faults++;
      if (first.length >= KEPT) return;
      first.push(`${seconds()} s: ${what}`);
      told(`FAULT at ${seconds()} s: ${what}`);
    },
    event(what) {
      events.push({ seconds: seconds(), what });
      told(`${seconds()} s: ${what}`);
    },
    get totals() {
      return { requests, molecules, lost, faults: { count: faults, first }, events };
    },
  };
}

/** Requests of all kinds by outcome. */
export function outcomes({ requests }: Pick<Totals, "requests">): Record<string, number> {
  const all: Record<string, number> = {};
  for (const of of Object.values(requests)) {
    for (const [outcome, count] of Object.entries(of)) all[outcome] = (all[outcome] ?? 0) + count;
  }
  return Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => a.localeCompare(b)));
}
