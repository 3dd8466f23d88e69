/** Molecules a second, from seeds to verdicts, and those of them that are valid, unique and stable, by the number of steps. */
import type { Decoding } from "../model/diffusion/decodings.ts";
import { type Tally, tallyOf, whatOf } from "./generation.ts";
import { median, pairedRatio, spread, takeTurns } from "./statistics.ts";
import type { EngineName } from "./subject.ts";
import { startSubject, type SubjectProcess } from "./subject_process.ts";
import type { Result, Row } from "./table.ts";
import { message, type Rounds } from "./throughput.ts";

/** What to measure. */
interface MoleculesBench extends Rounds {
  readonly folder: string;
  readonly model: string;
  /** The version of its weights. */
  readonly weights: string;
  readonly places: readonly EngineName[];
  readonly steps: readonly number[];
  /** What the model can decode by. */
  readonly decodings: readonly Decoding[];
}

/** The embedded default, and the engine as the machine's compiler makes it. */
export const MOLECULE_PLACES = ["wasm engine", "native engine"] as const satisfies EngineName[];

/** Molecules are drawn in multiples of these, which is the most that is sampled together, and at most so many in a round. */
const PIECE = 64, MOST = 1024;

/** Least seconds that opening, or a first call, may take. */
const PATIENCE = 120;

/** Seeds from which on warm-ups and rounds draw. */
const WARM_UP = 1_000_000, FIRST = 1;

const COLUMNS = [
  ...["molecules/s", "valid-unique-stable %", "valid-unique-stable/s"],
  ...["sampling ms", "decoding ms", "validating ms", "spread", "ratio"],
];

const none = Object.fromEntries(COLUMNS.map((name) => [name, null]));

/** Molecules of a round that takes no longer than `seconds`, where each takes `each`. */
export const roundCount = (seconds: number, each: number): number =>
  Math.max(1, Math.min(MOST / PIECE, Math.floor(seconds / each / PIECE))) * PIECE;

/** One decoding on one place. */
interface Course {
  readonly place: EngineName;
  readonly decoding: Decoding;
  readonly process: SubjectProcess;
  /** Over all rounds so far. */
  tally?: Tally;
}

const nameOf = ({ place, decoding }: Course) => `${place} ${decoding}`;

/** The row of a course from the rates of its rounds. */
function rowOf(
  { place, decoding, tally }: Course,
  steps: number,
  rates: number[] | Error,
  base: number[] | undefined,
): Row {
  const name = { steps, decoding, backend: place };
  if (rates instanceof Error) return { ...name, n: null, ...none, note: message(rates) };
  const { drawn, validUniqueStable, sampleMs, decodeMs, validateMs } = tally!, rate = median(rates);
  return {
    ...name,
    n: drawn,
    "molecules/s": rate,
    "valid-unique-stable %": 100 * validUniqueStable / drawn,
    "valid-unique-stable/s": rate * validUniqueStable / drawn,
    "sampling ms": sampleMs / drawn,
    "decoding ms": decodeMs / drawn,
    "validating ms": validateMs / drawn,
    spread: spread(rates),
    ratio: base ? pairedRatio(rates, base) : null,
    note: rates === base ? "ratios are to this row" : "",
  };
}

/** The rows of one number of steps. */
async function rowsOf(courses: readonly Course[], steps: number, { rounds, limit }: Rounds): Promise<Row[]> {
  const notes = new Map<Course, string>();
  let slowest = 0;
  for (const course of courses) {
    try {
      // The first call may load the weights and compile.
      const what = whatOf({ steps, decoding: course.decoding, seed: WARM_UP });
      await course.process.measure({ batch: 1, what, seconds: 0 });
      const { seconds } = await course.process.measure({ batch: PIECE, what, seconds: 0 });
      if (seconds > limit) notes.set(course, `left out: ${PIECE} molecules take ${seconds.toFixed(1)} s`);
      else slowest = Math.max(slowest, seconds / PIECE);
    } catch (error) {
      notes.set(course, message(error));
    }
  }
  const batch = roundCount(limit / rounds, slowest);
  const rates = await takeTurns(
    courses.filter((course) => !notes.has(course)).map((course) => ({
      name: nameOf(course),
      async round() {
        const what = whatOf({ steps, decoding: course.decoding, seed: FIRST });
        const { calls, seconds, sample } = await course.process.measure({ batch, what, seconds: 0 });
        course.tally = tallyOf(sample);
        return calls * batch / seconds;
      },
    })),
    rounds,
  );
  return courses.map((course) => {
    const base = courses.map((other) => ({ other, rates: rates.get(nameOf(other)) }))
      .find(({ other, rates }) => other.decoding === course.decoding && Array.isArray(rates))?.rates as number[];
    return rowOf(course, steps, rates.get(nameOf(course)) ?? new Error(notes.get(course)), base);
  });
}

/** A row a number of steps, decoding and place; a place that does not work here gets a row that says why. */
export async function benchMolecules(options: MoleculesBench): Promise<Result> {
  const { folder, model, weights, places, steps, decodings, rounds, limit } = options;
  const processes = new Map<EngineName, SubjectProcess>(), why: Record<string, string> = {}, absent: Row[] = [];
  try {
    for (const place of places) {
      try {
        const process = await startSubject({ type: "generation", folder, place }, Math.max(PATIENCE, 2 * limit));
        processes.set(place, process);
        why[place] = process.why;
      } catch (error) {
        why[place] = message(error);
        absent.push({ steps: null, decoding: "-", backend: place, n: null, ...none, note: why[place] });
      }
    }
    const rows: Row[] = [];
    for (const one of steps) {
      const courses = decodings.flatMap((decoding) =>
        [...processes].map(([place, process]): Course => ({ place, decoding, process }))
      );
      rows.push(...await rowsOf(courses, one, options));
    }
    return { bench: "molecules", settings: { model, weights, rounds }, why, rows: [...rows, ...absent] };
  } finally {
    await Promise.all([...processes.values()].map((process) => process.close()));
  }
}
