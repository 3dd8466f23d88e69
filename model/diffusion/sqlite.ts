/** A file of SQLite (`node:sqlite`): opened when it is first needed, its tables brought up to date. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

/** A database file. */
export interface DatabaseFile {
  /** The database, to write to; made where it is not there. @throws Error where the file is no database, or of a newer program */
  open(): DatabaseSync;
  /** Rows of a query; none where the file is not there. @throws as `open` */
  rows(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[];
  /** Work whose changes are kept all or not at all. */
  atomically<T>(work: (database: DatabaseSync) => T): T;
  close(): void;
}

/** How to open a file. */
export interface DatabaseOptions {
  /**
   * What brings the tables from each version to the next; `PRAGMA user_version` says how many have been done. Never changed, only added to.
   */
  readonly migrations: readonly string[];
  /** Whether what is committed is on the disk then, though the power fails. Default false: it may be lost, and nothing else. */
  readonly durable?: boolean;
  /** Whether it is another process's to write to: then it is read as it is, and its tables are not brought up to date. */
  readonly readOnly?: () => boolean;
}

const WAITING = "PRAGMA busy_timeout = 5000;";
const settings = (durable: boolean) => `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"};
  ${WAITING}
`;

/** Brings the tables up to date. @throws Error where they are newer than this program */
function migrate(database: DatabaseSync, migrations: readonly string[]): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > migrations.length) {
    throw new Error(
      `its tables are of version ${version}, made by a newer molstep; this one knows ${migrations.length}`,
    );
  }
  if (version === migrations.length) return;
  within(database, () => {
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}

function within<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

/** @param path of the file */
export function databaseFile(
  path: string,
  { migrations, durable = false, readOnly = () => false }: DatabaseOptions,
): DatabaseFile {
  let database: DatabaseSync | undefined, opened: boolean | undefined;
  const open = (): DatabaseSync => {
    const onlyRead = readOnly();
    if (database && opened === onlyRead) return database;
    database?.close();
    database = undefined, opened = onlyRead;
    if (!onlyRead) Deno.mkdirSync(dirname(path), { recursive: true });
    const fresh = new DatabaseSync(path, { readOnly: onlyRead });
    try {
      fresh.exec(onlyRead ? WAITING : settings(durable));
      if (!onlyRead) migrate(fresh, migrations);
    } catch (error) {
      fresh.close();
      throw new Error(`${path} cannot be used: ${(error as Error).message}`, { cause: error });
    }
    return database = fresh;
  };
  return {
    open,
    rows: (sql, ...values) => {
      const present = database || existsSync(path) ? open() : undefined;
      return present?.prepare(sql).all(...values) ?? [];
    },
    atomically(work) {
      const all = open();
      return within(all, () => work(all));
    },
    close() {
      database?.close();
      database = undefined;
    },
  };
}

/**
 * Drops every second of somebody's events of a type where there are too many; the first and the last stay.
 *
 * @param owner the column of the table `events` that says whose an event is
 */
export function thin(
  database: DatabaseSync,
  owner: "job" | "campaign",
  id: string,
  type: string,
  most: number,
): void {
  const whose = `${owner} = ? AND type = ?`;
  const [count] = database.prepare(`SELECT count(*) AS n FROM events WHERE ${whose}`).all(id, type);
  if (Number(count.n) <= most) return;
  database.prepare(`DELETE FROM events WHERE id IN (
    SELECT id FROM (
      SELECT id, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS n FROM events WHERE ${whose}
    ) WHERE place % 2 = 0 AND place < n)`).run(id, type);
}
