/** Jobs and what happened in them, in SQLite: `jobs.sqlite` in the data directory. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { isActive, type Job, type JobEvent, type StoredEvent } from "./types.ts";

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
  /** Jobs that a service has to see to, oldest first. */
  active(): Job[];
  /** @throws UnknownJobError */
  change(id: string, changes: JobChanges): Job;
  /** Keeps an event. Of a kind that comes often, half are dropped whenever there are more than `mostEvents`. */
  append(id: string, event: JobEvent): StoredEvent;
  /** Events of a job with ids above `after`, ascending, of one type where it is named. */
  events(id: string, options?: { after?: number; type?: JobEvent["type"]; limit?: number }): StoredEvent[];
  close(): void;
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA busy_timeout = 5000;
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
`;

/** Columns that hold JSON. */
const JSON_COLUMNS = ["settings", "limits", "estimate", "worker", "progress"] as const;
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

function toJob(row: Record<string, unknown>): Job {
  return Object.fromEntries(
    COLUMNS.map((column) => [column, isJson(column) ? JSON.parse(String(row[column])) : row[column]]),
  ) as unknown as Job;
}

const toEvent = ({ id, job, at, event }: Record<string, unknown>): StoredEvent => ({
  id: Number(id),
  job: String(job),
  at: Number(at),
  event: JSON.parse(String(event)),
});

/**
 * Opens the store.
 *
 * @param path of the file. It is opened, and made where it is not there, at the first write; read from where it is there
 * @throws Error where the file is no database
 */
export function openJobStore(
  path: string,
  { mostEvents = 1000, now = Date.now }: { mostEvents?: number; now?: () => number } = {},
): JobStore {
  let database: DatabaseSync | undefined;
  const open = (): DatabaseSync => {
    if (database) return database;
    Deno.mkdirSync(dirname(path), { recursive: true });
    const fresh = new DatabaseSync(path);
    try {
      fresh.exec(SCHEMA);
    } catch (error) {
      fresh.close();
      throw new Error(`${path} cannot be used: ${(error as Error).message}`, { cause: error });
    }
    return database = fresh;
  };
  const present = (): DatabaseSync | undefined => database ?? (existsSync(path) ? open() : undefined);
  const rows = (sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] =>
    present()?.prepare(sql).all(...values) ?? [];

  const get = (id: string): Job => {
    const [row] = rows("SELECT * FROM jobs WHERE id = ?", id);
    if (!row) throw new UnknownJobError(id);
    return toJob(row);
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
    active: () => rows("SELECT * FROM jobs ORDER BY number").map(toJob).filter(({ state }) => isActive(state)),
    change(id, changes) {
      const columns = COLUMNS.filter((column) => column in changes);
      if (columns.length > 0) {
        const values = columns.map((column) => toColumn(column, changes[column as keyof JobChanges]));
        open().prepare(`UPDATE jobs SET ${columns.map((column) => `${column} = ?`).join(", ")} WHERE id = ?`)
          .run(...values, id);
      }
      return get(id);
    },
    append(id, event) {
      const at = now(), all = open();
      const { lastInsertRowid } = all.prepare("INSERT INTO events (job, type, at, event) VALUES (?, ?, ?, ?)")
        .run(id, event.type, at, JSON.stringify(event));
      if (FREQUENT.includes(event.type)) thin(all, id, event.type, mostEvents);
      return { id: Number(lastInsertRowid), job: id, at, event };
    },
    events(id, { after = 0, type, limit = -1 } = {}) {
      return type === undefined
        ? rows("SELECT * FROM events WHERE job = ? AND id > ? ORDER BY id LIMIT ?", id, after, limit).map(toEvent)
        : rows("SELECT * FROM events WHERE job = ? AND type = ? AND id > ? ORDER BY id LIMIT ?", id, type, after, limit)
          .map(toEvent);
    },
    close() {
      database?.close();
      database = undefined;
    },
  };
}

/** Drops every second event of a kind where there are too many; the first and the last stay. */
function thin(database: DatabaseSync, job: string, type: string, most: number): void {
  const [count] = database.prepare("SELECT count(*) AS n FROM events WHERE job = ? AND type = ?").all(job, type);
  if (Number(count.n) <= most) return;
  database.prepare(`DELETE FROM events WHERE id IN (
    SELECT id FROM (
      SELECT id, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS n FROM events WHERE job = ? AND type = ?
    ) WHERE place % 2 = 0 AND place < n)`).run(job, type);
}
