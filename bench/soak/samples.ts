/** What a soak has measured once a second, and what is said of it. */
import type { Sample } from "../probe.ts";
import { meanError, median } from "../statistics.ts";

/** A sample, and whose it is. */
export interface LifeSample extends Sample {
  readonly life: number;
}

/** The first minute of a life, and its first fifth, count as warming up, whichever is longer: workers are opened and code is compiled. */
const WARM = { seconds: 60, share: 0.2 };

/** Parts that a life after its warming up is divided into. */
const BLOCKS = 16;

/** How the memory of a process went. */
export interface Memory {
  readonly life: number;
  readonly minutes: number;
  /** MiB of the first sample, of each tenth of the life in the median, and of the last sample. */
  readonly start: number;
  readonly tenths: readonly number[];
  readonly end: number;
  /** MiB an hour, after warming up, with its standard error; null where there are too few samples. */
  readonly slope: { readonly value: number; readonly error: number } | null;
}

/** Samples of the life that has most. */
export function longestLife(samples: readonly LifeSample[]): readonly LifeSample[] {
  const lives = Map.groupBy(samples, ({ life }) => life);
  return [...lives.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
}

/** As many equal parts of an array, none of them empty where it has as many values. */
function parts<T>(values: readonly T[], count: number): T[][] {
  return Array.from(
    { length: count },
    (_, k) => values.slice(Math.floor(k * values.length / count), Math.floor((k + 1) * values.length / count)),
  ).filter((part) => part.length > 0);
}

/** The slope of a straight line through points by least squares, with its standard error. Undefined of fewer than three. */
export function slopeOf(x: readonly number[], y: readonly number[]): { value: number; error: number } | undefined {
  const n = x.length, middle = meanError(x).mean, height = meanError(y).mean;
  if (n < 3) return undefined;
  const square = x.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  const value = x.reduce((sum, at, k) => sum + (at - middle) * (y[k] - height), 0) / square;
  const rest = y.reduce((sum, at, k) => sum + (at - height - value * (x[k] - middle)) ** 2, 0);
  return { value, error: Math.sqrt(rest / (n - 2) / square) };
}

/**
 * The memory of the life that lasted longest. Seconds that follow on each other are alike, so the line goes through the means of 16 blocks, whose scatter is
 * that of whole blocks: through all seconds its error would be told several times too small.
 */
export function memoryOf(samples: readonly LifeSample[]): Memory | undefined {
  const all = longestLife(samples);
  if (all.length === 0) return undefined;
  const hours = (at: number) => (at - all[0].at) / 3_600_000, seconds = (all.at(-1)!.at - all[0].at) / 1000;
  const warm = Math.max(WARM.seconds, WARM.share * seconds);
  const blocks = parts(all.filter(({ at }) => (at - all[0].at) / 1000 >= warm), BLOCKS);
  const mean = (of: (sample: LifeSample) => number) => blocks.map((block) => meanError(block.map(of)).mean);
  return {
    life: all[0].life,
    minutes: seconds / 60,
    start: all[0].rssMiB,
    tenths: parts(all, 10).map((part) => median(part.map(({ rssMiB }) => rssMiB))),
    end: all.at(-1)!.rssMiB,
    slope: blocks.length < BLOCKS ? null : slopeOf(mean(({ at }) => hours(at)), mean(({ rssMiB }) => rssMiB)) ?? null,
  };
}

/** A rise of the memory that is no chance: more than so many MiB an hour beyond so many errors, of a life of so many minutes. */
const LEAK = { minutes: 10, mibAnHour: 50, errors: 3 };

/** Whether memory rises, in words; undefined where it does not, or where that cannot be told. */
export function leakOf({ minutes, slope }: Pick<Memory, "minutes" | "slope">): string | undefined {
  if (slope === null || minutes < LEAK.minutes || slope.value - LEAK.errors * slope.error < LEAK.mibAnHour) {
    return undefined;
  }
  return `memory must not rise by more than ${LEAK.mibAnHour} MiB an hour; it does by ${slope.value.toFixed(0)} +- ${
    slope.error.toFixed(0)
  }`;
}

/** Of values in any order: half, 99 of 100, and all are no larger. Null of none. */
export function spreadOf(values: readonly number[]): { p50: number; p99: number; most: number } | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b), at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1];
  return { p50: at(0.5), p99: at(0.99), most: at(1) };
}

/** The first line of the table of samples. */
export const CSV_HEAD = "seconds,life,pid,rss_mib,descriptors,threads,live_ms,busy_ms,waiting\n";

/** A sample as a line of CSV: seconds since a time, milliseconds since 1970. Milliseconds of answers are the longest of the second. */
export function csvLine(
  { at, life, pid, rssMiB, descriptors, threads, live, busy, waiting }: LifeSample,
  since: number,
): string {
  const most = (values: readonly number[]) => values.length === 0 ? "" : Math.max(...values).toFixed(1);
  const cells = [
    ((at - since) / 1000).toFixed(1),
    life,
    pid,
    rssMiB.toFixed(1),
    descriptors,
    threads,
    most(live),
    most(busy),
    waiting.toFixed(3),
  ];
  return `${cells.join()}\n`;
}
