/** What a soak comes to: numbers, a picture, and a verdict. */
import { lineChart } from "../../chem/plot.ts";
import { meanError } from "../statistics.ts";
import { leakOf, type LifeSample, type Memory, memoryOf, spreadOf } from "./samples.ts";
import { outcomes, type Totals } from "./tally.ts";

/** See above. */
export interface Report extends Totals {
  readonly minutes: number;
  readonly model: string;
  readonly backend: string;
  /** Starts of the service after its first. */
  readonly restarts: number;
  readonly memory: Memory | null;
  readonly mostDescriptors: number | null;
  /** Milliseconds of GET /health/live. */
  readonly live: ReturnType<typeof spreadOf>;
  /** Milliseconds of these for which the service's main thread was computing. */
  readonly busy: ReturnType<typeof spreadOf>;
  /** Share of the time for which the main thread had to wait for a core, 0 to 1; null where it was not measured. */
  readonly waiting: number | null;
  /** No invariant broke. */
  readonly sound: boolean;
}

/** Puts together what was seen and measured. */
export function reportOf(
  totals: Totals,
  samples: readonly LifeSample[],
  about: Pick<Report, "minutes" | "model" | "backend" | "restarts">,
): Report {
  const memory = memoryOf(samples) ?? null, leak = memory && leakOf(memory);
  const faults = leak ? { count: totals.faults.count + 1, first: [...totals.faults.first, leak] } : totals.faults;
  return {
    ...about,
    ...totals,
    faults,
    memory,
    mostDescriptors: samples.length === 0 ? null : Math.max(...samples.map(({ descriptors }) => descriptors)),
    live: spreadOf(samples.flatMap(({ live }) => live)),
    busy: spreadOf(samples.flatMap(({ busy }) => busy)),
    waiting: samples.length === 0 ? null : meanError(samples.map(({ waiting }) => waiting)).mean,
    sound: faults.count === 0,
  };
}

/** Share of the time without a core from which on deadlines say little about the service. */
const STARVED = 0.5;

const whole = (value: number) => value.toFixed(0);

const spread = (found: Report["live"]) =>
  found === null ? "not measured" : `${found.p50.toFixed(1)} / ${found.p99.toFixed(1)} / ${found.most.toFixed(1)} ms`;

function memoryLines(memory: Memory | null): string[] {
  if (memory === null) return ["memory: not measured (there is no /proc)"];
  const { life, minutes, start, end, tenths, slope } = memory;
  const rise = slope === null
    ? "too short for a slope"
    : `${slope.value.toFixed(1)} +- ${slope.error.toFixed(1)} MiB an hour`;
  return [
    `memory of life ${life}, ${minutes.toFixed(1)} minutes: ${whole(start)} MiB at its start, ${
      whole(end)
    } at its end; ${rise} after warming up`,
    `  median of each tenth: ${tenths.map(whole).join(" ")} MiB`,
  ];
}

/** The report as text. */
export function toText(report: Report): string {
  const { minutes, model, backend, molecules, lost, restarts, requests, faults, sound } = report;
  const kinds = Object.entries(requests).toSorted(([a], [b]) => a.localeCompare(b)).map(([kind, of]) =>
    `  ${kind.padEnd(22)} ${Object.entries(of).map(([outcome, count]) => `${outcome}: ${count}`).join(", ")}`
  );
  const all = outcomes(report), count = Object.values(all).reduce((a, b) => a + b, 0);
  return [
    `${
      minutes.toFixed(1)
    } minutes of ${model} on ${backend}: ${count} requests, ${molecules} molecules read whole, ${restarts} restarts`,
    `requests: ${Object.entries(all).map(([outcome, count]) => `${outcome}: ${count}`).join(", ")}`,
    ...kinds,
    `lost by kills: ${lost.requests} answers that had begun, with ${lost.molecules} molecules at most`,
    ...memoryLines(report.memory),
    `descriptors: ${report.mostDescriptors ?? "not measured"} at most`,
    `GET /health/live, p50 / p99 / most: ${spread(report.live)}; of which the main thread was busy for ${
      spread(report.busy)
    }`,
    ...report.waiting === null ? [] : [
      `the machine: the main thread had to wait for a core for ${whole(100 * report.waiting)} % of the time${
        report.waiting > STARVED ? ", so that what came too late may be the machine's fault" : ""
      }`,
    ],
    sound ? "sound: no invariant broke" : `NOT SOUND: ${faults.count} faults`,
    ...faults.first.map((one) => `  ${one}`),
  ].join("\n");
}

/** Memory over time as a picture, a line a life, with a mark where one was ended. */
export function memoryPicture(
  samples: readonly LifeSample[],
  { model, backend, minutes }: Pick<Report, "model" | "backend" | "minutes">,
): string {
  const from = samples[0]?.at ?? 0,
    x: number[] = [],
    y: number[] = [],
    ends: { x: number[]; y: number[] } = { x: [], y: [] };
  samples.forEach(({ at, life, rssMiB }, k) => {
    const time = (at - from) / 60_000, before = samples[k - 1];
    if (before && before.life !== life) {
      ends.x.push((before.at - from) / 60_000), ends.y.push(before.rssMiB);
      x.push(time), y.push(NaN); // a gap
    }
    x.push(time), y.push(rssMiB);
  });
  return lineChart([{ name: "resident", x, y }, { name: "ended", ...ends, style: "marks" }], {
    title: `Memory of the service under load, ${minutes.toFixed(0)} minutes (${model}, ${backend})`,
    xLabel: "minutes",
    yLabel: "MiB",
    dots: false,
    height: 360,
  });
}
