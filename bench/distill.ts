/** Updates a second of rounds of distillation and of plain training, beside the parts of an update timed apart. */
import { type Course as Method, COURSES, PARTS } from "./distillation.ts";
import { median, pairedRatio, spread, takeTurns } from "./statistics.ts";
import type { EngineName } from "./subject.ts";
import { startSubject, type SubjectProcess } from "./subject_process.ts";
import type { Result, Row } from "./table.ts";
import { message, type Rounds } from "./throughput.ts";

/** Those that train in useful time, and the engine on a GPU, which is left out on a software adapter. */
export const DISTILL_PLACES = ["native engine", "webgpu engine", "tfjs tensorflow"] as const satisfies EngineName[];

/** What to measure. */
interface DistillBench extends Rounds {
  /** Folder of the teacher, its name, and the version of its weights. */
  readonly folder: string;
  readonly model: string;
  readonly weights: string;
  readonly places: readonly EngineName[];
  readonly batches: readonly number[];
}

/** One method on one place at one batch. */
interface Course {
  readonly method: Method;
  readonly batch: number;
  readonly place: EngineName;
  readonly process: SubjectProcess;
}

/** Molecules of the updates that tell what larger ones will take, and by how much they may tell too much. */
const SMALL = 4, EXCESS = 4;

/** Least seconds that opening, or a first call with its data to load, may take. */
const PATIENCE = 180;

const COLUMNS = [
  "updates/s",
  "ms an update",
  ...PARTS.slice(1).map((part) => `${part} ms`),
  "update / parts",
  "spread",
];

const nameOf = ({ method, batch, place }: Course, part: string) => `${place} ${method} ${batch} ${part}`;

/** Calls each part until it is fast. Returns why the course is left out, if it is. */
async function warmUp({ method, batch, process }: Course, { rounds, limit }: Rounds): Promise<string | undefined> {
  const longest = limit / (rounds + 1);
  try {
    for (const part of PARTS) {
      const once = async (batch: number) =>
        (await process.measure({ batch, what: `${method} ${part}`, seconds: 0 })).seconds;
      if (part === "update" && batch > SMALL) {
        await once(SMALL);
        const expected = await once(SMALL) * batch / SMALL;
        if (expected > EXCESS * longest) return `left out: about ${expected.toFixed(0)} s an update`;
      }
      await once(batch);
      const seconds = await once(batch);
      if (seconds > longest) return `left out: takes ${seconds.toFixed(1)} s an update`;
    }
  } catch (error) {
    return message(error);
  }
}

/** The row of a course from the rates of its parts. */
function rowOf(course: Course, note: string | undefined, rates: ReadonlyMap<string, number[] | Error>): Row {
  const { batch, method, place } = course, name = { batch, method, backend: place };
  const parts = PARTS.map((part) => rates.get(nameOf(course, part)));
  const failed = note ?? parts.find((found): found is Error => found instanceof Error)?.message;
  if (failed !== undefined) return { ...name, ...Object.fromEntries(COLUMNS.map((c) => [c, null])), note: failed };
  const [update, ...others] = parts as number[][];
  const each = Object.fromEntries(PARTS.slice(1).map((part, k) => [`${part} ms`, 1000 / median(others[k])]));
  // As a rate: what would be reached if an update took as long as its parts one after the other.
  const apart = update.map((_, k) => 1 / others.reduce((sum, part) => sum + 1 / part[k], 0));
  return {
    ...name,
    "updates/s": median(update),
    "ms an update": 1000 / median(update),
    ...each,
    "update / parts": pairedRatio(apart, update),
    spread: spread(update),
    note: "",
  };
}

/** Measures. A place or a method that does not work here gets a row that says why. */
export async function benchDistill(options: DistillBench): Promise<Result> {
  const { folder, model, weights, places, batches, rounds, seconds, limit } = options;
  const processes = new Map<EngineName, SubjectProcess>(), why: Record<string, string> = {}, absent: Row[] = [];
  try {
    for (const place of places) {
      try {
        const process = await startSubject({ type: "distillation", folder, place }, Math.max(PATIENCE, 2 * limit));
        processes.set(place, process);
        why[place] = process.why;
      } catch (error) {
        why[place] = message(error);
        const none = Object.fromEntries(COLUMNS.map((name) => [name, null]));
        absent.push({ batch: null, method: "-", backend: place, ...none, note: why[place] });
      }
    }
    const rows: Row[] = [];
    for (const batch of batches) {
      const courses = COURSES.flatMap((method) =>
        [...processes].map(([place, process]): Course => ({ method, batch, place, process }))
      );
      const notes = new Map<Course, string | undefined>();
      for (const course of courses) notes.set(course, await warmUp(course, options));
      const rates = await takeTurns(
        courses.filter((course) => notes.get(course) === undefined).flatMap((course) =>
          PARTS.map((part) => ({
            name: nameOf(course, part),
            round: async () => {
              const { calls, seconds } = await course.process.measure({
                batch,
                what: `${course.method} ${part}`,
                seconds: options.seconds,
              });
              return calls / seconds;
            },
          }))
        ),
        rounds,
      );
      rows.push(...courses.map((course) => rowOf(course, notes.get(course), rates)));
    }
    return { bench: "distill", settings: { model, weights, rounds, seconds }, why, rows: [...rows, ...absent] };
  } finally {
    await Promise.all([...processes.values()].map((process) => process.close()));
  }
}
