/** Rates of one kind of subject in several places, at several batches, in turns. */
import { median, pairedRatio, relativeDifference, spread, takeTurns } from "./statistics.ts";
import type { EngineName, Kind } from "./subject.ts";
import { startSubject, type SubjectProcess } from "./subject_process.ts";
import type { Result, Row } from "./table.ts";

/** How long and how often to measure. */
export interface Rounds {
  /** Rounds of each candidate. */
  readonly rounds: number;
  /** Least length of a round. */
  readonly seconds: number;
  /** Seconds that the rounds of one row may take; what would take longer is left out. */
  readonly limit: number;
}

/** What is asked of every place, one after the other. */
export interface Case {
  readonly batch: number;
  /** Of a subject that can do several things, which. */
  readonly what?: string;
  /** How much work a call is, in any unit: from one case, what the next will take is guessed. Default: the batch. */
  readonly work?: number;
  /** Begins its rows. Default: the batch. */
  readonly name?: Row;
}

/** What to measure. */
interface Throughput extends Rounds {
  readonly bench: string;
  readonly subject: Kind;
  /** What is said of the subject in the results; the subject itself where absent. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly places: readonly string[];
  /** Batches, or more than a batch. */
  readonly batches: readonly (number | Case)[];
  /** The place that ratios are to; the first that could be measured where it could not. */
  readonly reference: string;
  /** Starts a place, within so many seconds; one of `subject.ts` where absent. */
  readonly start?: (place: string, timeout: number) => Promise<SubjectProcess>;
  /** Difference allowed to a place's results, as a share of their largest; 1e-4 where absent. */
  readonly tolerance?: (place: string) => number;
  /** The name of the rate and what of it one call does. */
  readonly rate: { readonly name: string; readonly each: (batch: number) => number };
}

/** A process, and what is known of it. */
interface Runner {
  readonly place: string;
  readonly process: SubjectProcess;
  /** Seconds of the last call that was tried, and how much work that was. */
  last?: { readonly work: number; readonly seconds: number };
  failed?: string;
}

/** Difference allowed to results, as a share of their largest. */
const TOLERANCE = 1e-4;

/** What an error says, in one short line. */
export const message = (error: unknown): string => (error as Error).message.replaceAll("\n", " ").slice(0, 100);

/**
 * Calls the runner once or twice before it is measured: the first call may compile, and a call tells how long rounds
 * would take. Returns why the row is left out, or the sample that others are compared with.
 */
async function warmUp(
  runner: Runner,
  { batch, what, work = batch }: Case,
  { rounds, limit }: Rounds,
): Promise<{ sample: number[] } | string> {
  const longest = limit / (rounds + 1), { last } = runner;
  const tooLong = (seconds: number, how: string) => `left out: ${how} ${seconds.toFixed(1)} s a call`;
  const expected = last && last.seconds * work / last.work;
  if (expected && expected > longest) return tooLong(expected, "about");
  let { sample, seconds } = await runner.process.measure({ batch, what, seconds: 0 });
  if (seconds > longest) ({ seconds } = await runner.process.measure({ batch, what, seconds: 0 }));
  runner.last = { work, seconds };
  return seconds > longest ? tooLong(seconds, "takes") : { sample };
}

/** Says of results that differ from the reference's by more than rounding does, or are no numbers, that they are wrong. */
export function noteOn(difference: number, tolerance = TOLERANCE): string {
  return difference <= tolerance ? "" : `WRONG: differs by more than ${tolerance}`;
}

/** The rows of one case. */
async function rowsOf(runners: readonly Runner[], one: Case, options: Throughput): Promise<Row[]> {
  const { batch, what, work = batch } = one;
  const notes = new Map<string, string>(), samples = new Map<string, number[]>();
  for (const runner of runners) {
    try {
      if (runner.failed) throw new Error(runner.failed);
      const found = await warmUp(runner, one, options);
      if (typeof found === "string") notes.set(runner.place, found);
      else samples.set(runner.place, found.sample);
    } catch (error) {
      runner.failed = message(error);
      notes.set(runner.place, runner.failed);
    }
  }
  const measured = await takeTurns(
    runners.filter(({ place }) => samples.has(place)).map((runner) => ({
      name: runner.place,
      round: async () => {
        const { calls, seconds } = await runner.process.measure({ batch, what, seconds: options.seconds });
        runner.last = { work, seconds: seconds / calls };
        return calls / seconds;
      },
    })),
    options.rounds,
  );
  const done = [...measured].filter((entry): entry is [string, number[]] => !(entry[1] instanceof Error));
  const [reference, base] = done.find(([place]) => place === options.reference) ?? done[0] ?? [];
  return runners.map((runner): Row => {
    const { place } = runner, rates = measured.get(place), name = { ...(one.name ?? { batch }), backend: place };
    const empty = { [options.rate.name]: null, "ms a call": null, spread: null, ratio: null, difference: null };
    if (rates instanceof Error) runner.failed = message(rates);
    if (!rates || rates instanceof Error) return { ...name, ...empty, note: notes.get(place) ?? runner.failed ?? "" };
    const difference = relativeDifference(samples.get(place)!, samples.get(reference!)!);
    return {
      ...name,
      [options.rate.name]: median(rates) * options.rate.each(batch),
      "ms a call": 1000 / median(rates),
      spread: spread(rates),
      ratio: pairedRatio(rates, base!),
      difference,
      note: place === reference ? "ratios are to this row" : noteOn(difference, options.tolerance?.(place)),
    };
  });
}

/** Measures. A place that does not work here gets a row that says why. */
export async function throughput(options: Throughput): Promise<Result> {
  const { bench, subject, places, rounds, seconds, limit } = options;
  const cases = options.batches.map((one): Case => typeof one === "number" ? { batch: one } : one);
  const runners: Runner[] = [], absent: Row[] = [], why: Record<string, string> = {};
  const start = (place: string, timeout: number) => startSubject({ ...subject, place: place as EngineName }, timeout);
  try {
    for (const place of places) {
      try {
        const process = await (options.start ?? start)(place, 2 * limit);
        runners.push({ place, process });
        why[place] = process.why;
      } catch (error) {
        why[place] = message(error);
        absent.push({
          ...Object.fromEntries(Object.keys(cases[0]?.name ?? { batch: null }).map((name) => [name, null])),
          backend: place,
          [options.rate.name]: null,
          "ms a call": null,
          spread: null,
          ratio: null,
          difference: null,
          note: message(error),
        });
      }
    }
    const rows: Row[] = [];
    for (const one of cases) rows.push(...await rowsOf(runners, one, options));
    return { bench, settings: { ...(options.settings ?? subject), rounds, seconds }, why, rows: [...rows, ...absent] };
  } finally {
    await Promise.all(runners.map(({ process }) => process.close()));
  }
}
