/** Rates of one kind of subject in several places, at several batches, in turns. */
import { median, pairedRatio, relativeDifference, spread, takeTurns } from "./statistics.ts";
import type { Kind, Place } from "./subject.ts";
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

/** What to measure. */
export interface Throughput extends Rounds {
  readonly bench: string;
  readonly subject: Kind;
  /** What is said of the subject in the results; the subject itself where absent. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly places: readonly Place[];
  readonly batches: readonly number[];
  /** The place that ratios are to; the first that could be measured where it could not. */
  readonly reference: Place;
  /** The name of the rate and what of it one call does. */
  readonly rate: { readonly name: string; readonly each: (batch: number) => number };
}

/** A process, and what is known of it. */
interface Runner {
  readonly place: Place;
  readonly process: SubjectProcess;
  /** Seconds of a call at the last batch that was tried. */
  last?: { readonly batch: number; readonly seconds: number };
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
  batch: number,
  { rounds, limit }: Rounds,
): Promise<{ sample: number[] } | string> {
  const longest = limit / (rounds + 1), { last } = runner;
  const tooLong = (seconds: number, how: string) => `left out: ${how} ${seconds.toFixed(1)} s a call`;
  const expected = last && last.seconds * batch / last.batch;
  if (expected && expected > longest) return tooLong(expected, "about");
  let { sample, seconds } = await runner.process.measure({ batch, seconds: 0 });
  if (seconds > longest) ({ seconds } = await runner.process.measure({ batch, seconds: 0 }));
  runner.last = { batch, seconds };
  return seconds > longest ? tooLong(seconds, "takes") : { sample };
}

/** Says of results that differ from the reference's by more than rounding does, or are no numbers, that they are wrong. */
export function noteOn(difference: number): string {
  return difference <= TOLERANCE ? "" : `WRONG: differs by more than ${TOLERANCE}`;
}

/** The rows of one batch. */
async function rowsOf(runners: readonly Runner[], batch: number, options: Throughput): Promise<Row[]> {
  const notes = new Map<Place, string>(), samples = new Map<Place, number[]>();
  for (const runner of runners) {
    try {
      if (runner.failed) throw new Error(runner.failed);
      const found = await warmUp(runner, batch, options);
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
        const { calls, seconds } = await runner.process.measure({ batch, seconds: options.seconds });
        runner.last = { batch, seconds: seconds / calls };
        return calls / seconds;
      },
    })),
    options.rounds,
  );
  const done = [...measured].filter((entry): entry is [Place, number[]] => !(entry[1] instanceof Error));
  const [reference, base] = done.find(([place]) => place === options.reference) ?? done[0] ?? [];
  return runners.map((runner): Row => {
    const { place } = runner, rates = measured.get(place), name = { batch, backend: place };
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
      note: place === reference ? "ratios are to this row" : noteOn(difference),
    };
  });
}

/** Measures. A place that does not work here gets a row that says why. */
export async function throughput(options: Throughput): Promise<Result> {
  const { bench, subject, places, batches, rounds, seconds, limit } = options;
  const runners: Runner[] = [], absent: Row[] = [], why: Record<string, string> = {};
  try {
    for (const place of places) {
      try {
        const process = await startSubject({ ...subject, place }, 2 * limit);
        runners.push({ place, process });
        why[place] = process.why;
      } catch (error) {
        why[place] = message(error);
        absent.push({
          batch: null,
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
    for (const batch of batches) rows.push(...await rowsOf(runners, batch, options));
    return { bench, settings: { ...(options.settings ?? subject), rounds, seconds }, why, rows: [...rows, ...absent] };
  } finally {
    await Promise.all(runners.map(({ process }) => process.close()));
  }
}
