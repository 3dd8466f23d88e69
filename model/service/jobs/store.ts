/** Jobs and what happened in them, in SQLite: `jobs.sqlite` in the data directory. */
import type { SQLInputValue } from "node:sqlite";
import { z } from "zod";
import { databaseFile, thin } from "../../diffusion/sqlite.ts";
import { progressEvent } from "../../distillation/events.ts";
import { roundSettings } from "../../distillation/settings.ts";
import { estimateSchema } from "./estimate.ts";
import { isActive, type Job, JOB_STATES, type JobEvent, jobEvent, type JobState, type StoredEvent } from "./types.ts";

/** No job of this id. */
export class UnknownJobError extends RangeError {
  override readonly name = "UnknownJobError";
  constructor(readonly id: string) {
    super(`there is no job ${id}`);
  }
}

/** What of a job changes. */
export type JobChanges = Partial<Omit<Job, "id" | "created" | "settings">>;

/** See above. */
export interface JobStore {
  add(job: Job): void;
  /** @throws UnknownJobError */
  get(id: string): Job;
  /** Newest first. */
  list(limit: number, offset: number): Job[];
  readonly count: number;
  /** How many jobs are in each state; states of none are left out. */
  states(): Partial<Record<JobState, number>>;
  /** Jobs that a service has to see to, oldest first. */
  active(): Job[];
  /** @throws UnknownJobError */
  change(id: string, changes: JobChanges): Job;
  /** Forgets a job and its events. */
  remove(id: string): void;
  /**
   * Keeps an event, and what it changes in its job, both or neither. Of a kind that comes often, half are dropped whenever there are more than
   * `mostEvents`.
   */
  append(id: string, event: JobEvent, changes?: JobChanges): StoredEvent;
  /** Events of a job with ids above `after`, ascending, of one type where it is named. */
  events(id: string, options?: { after?: number; type?: JobEvent["type"]; limit?: number }): StoredEvent[];
  close(): void;
}

/** How to open a store. */
interface JobStoreOptions {
  readonly mostEvents?: number;
  readonly now?: () => number;
  readonly readOnly?: () => boolean;
}

/** The first takes files in, too, that are older than the version (molstep 0.2 to 0.4). */
const MIGRATIONS = [
  `
  CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    settings TEXT NOT NULL,
    limits TEXT NOT NULL,
    estimate TEXT NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    reason TEXT,
    worker TEXT NOT NULL,
    progress TEXT NOT NULL,
    pid INTEGER,
    restarts INTEGER NOT NULL,
    reached INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES jobs(id),
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS events_of_job ON events (job, type, id);
`,
  `
  ALTER TABLE jobs ADD COLUMN heard TEXT NOT NULL DEFAULT 'null';
`,
];

/** A job as a row keeps it. Settings of an older version lack what came later, which its default stands for, and may have had more. */
const jobSchema: z.ZodType<Job> = z.object({
  id: z.string(),
  state: z.enum(JOB_STATES),
  settings: z.object(roundSettings.shape),
  limits: z.object({ minutes: z.number().optional(), updates: z.int().optional() }),
  estimate: z.object(estimateSchema.shape),
  created: z.number(),
  started: z.number(),
  ended: z.number().nullable(),
  reason: z.string().nullable(),
  worker: z.object({ backend: z.string(), why: z.string(), device: z.string(), memoryMiB: z.number() }).nullable(),
  progress: progressEvent.nullable(),
  pid: z.int().nullable(),
  heard: z.object({ claim: z.int(), number: z.int() }).nullable(),
  restarts: z.int(),
  reached: z.int(),
});

/** Columns that hold JSON. */
const JSON_COLUMNS = ["settings", "limits", "estimate", "worker", "progress", "heard"] as const;
const COLUMNS = [
  "id",
  "state",
  ...JSON_COLUMNS,
  "created",
  "started",
  "ended",
  "reason",
  "pid",
  "restarts",
  "reached",
] as const;

/** Events of these kinds come as long as a round runs. */
const FREQUENT: readonly string[] = ["progress", "validated", "saved"];

const isJson = (column: string) => (JSON_COLUMNS as readonly string[]).includes(column);
const toColumn = (column: string, value: unknown): SQLInputValue =>
  isJson(column) ? JSON.stringify(value ?? null) : value as SQLInputValue;

/** @throws Error where the row is none of a job */
function toJob(row: Record<string, unknown>): Job {
  const values = Object.fromEntries(
    COLUMNS.map((column) => [column, isJson(column) ? JSON.parse(String(row[column])) : row[column]]),
  );
  const job = jobSchema.safeParse(values);
  if (job.success) return job.data;
  throw new Error(`the row of job ${row.id} cannot be read: ${z.prettifyError(job.error)}`);
}

const toEvent = ({ id, job, at, event }: Record<string, unknown>): StoredEvent => ({
  id: Number(id),
  job: String(job),
  at: Number(at),
  event: jobEvent.parse(JSON.parse(String(event))),
});

/**
 * Opens the store.
 *
 * @param path of the file. It is opened, and made where it is not there, at the first write; read from where it is there
 * @param readOnly whether it is another process's to write to: then it is read as it is, and its tables are not brought up to date
 * @throws Error where the file is no database
 */
export function openJobStore(
  path: string,
  { mostEvents = 1000, now = Date.now, readOnly = () => false }: JobStoreOptions = {},
): JobStore {
  const { open, rows, atomically, close } = databaseFile(path, { migrations: MIGRATIONS, readOnly });

  const get = (id: string): Job => {
    const [row] = rows("SELECT * FROM jobs WHERE id = ?", id);
    if (!row) throw new UnknownJobError(id);
    return toJob(row);
  };
  const update = (id: string, changes: JobChanges): void => {
    const columns = COLUMNS.filter((column) => column in changes);
    if (columns.length === 0) return;
    const values = columns.map((column) => toColumn(column, changes[column as keyof JobChanges]));
    open().prepare(`UPDATE jobs SET ${columns.map((column) => `${column} = ?`).join(", ")} WHERE id = ?`)
      .run(...values, id);
  };

  return {
    add(job) {
      const sql = `INSERT INTO jobs (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map(() => "?").join(", ")})`;
      open().prepare(sql).run(...COLUMNS.map((column) => toColumn(column, job[column])));
    },
    get,
    list: (limit, offset) => rows("SELECT * FROM jobs ORDER BY number DESC LIMIT ? OFFSET ?", limit, offset).map(toJob),
    get count() {
      return Number(rows("SELECT count(*) AS n FROM jobs")[0]?.n ?? 0);
    },
    states: () =>
      Object.fromEntries(
        rows("SELECT state, count(*) AS n FROM jobs GROUP BY state").map(({ state, n }) => [state, Number(n)]),
      ),
    active: () => rows("SELECT * FROM jobs ORDER BY number").map(toJob).filter(({ state }) => isActive(state)),
    change(id, changes) {
      update(id, changes);
      return get(id);
    },
    remove(id) {
      open().prepare("DELETE FROM events WHERE job = ?").run(id);
      open().prepare("DELETE FROM jobs WHERE id = ?").run(id);
    },
    append: (id, event, changes = {}) =>
      atomically((all) => {
        const at = now();
        const { lastInsertRowid } = all.prepare("INSERT INTO events (job, type, at, event) VALUES (?, ?, ?, ?)")
          .run(id, event.type, at, JSON.stringify(event));
        if (FREQUENT.includes(event.type)) thin(all, "job", id, event.type, mostEvents);
        update(id, changes);
        return { id: Number(lastInsertRowid), job: id, at, event };
      }),
    events(id, { after = 0, type, limit = -1 } = {}) {
      return type === undefined
        ? rows("SELECT * FROM events WHERE job = ? AND id > ? ORDER BY id LIMIT ?", id, after, limit).map(toEvent)
        : rows("SELECT * FROM events WHERE job = ? AND type = ? AND id > ? ORDER BY id LIMIT ?", id, type, after, limit)
          .map(toEvent);
    },
    close,
  };
}
