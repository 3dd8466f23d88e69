/** Structured logs: one JSON object a line. */
import { LOG_LEVELS } from "./config.ts";

/** A level that a line can have. */
type LogLevel = Exclude<typeof LOG_LEVELS[number], "silent">;

/** Writes lines of at least its level. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** How to log. */
interface LogOptions {
  readonly level?: typeof LOG_LEVELS[number];
  /** Where lines go; stderr where absent. */
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}

/** A log of lines `{ time, level, message, ...fields }`. */
export function createLog({ level = "info", write = console.error, now = () => new Date() }: LogOptions = {}): Log {
  const least = LOG_LEVELS.indexOf(level);
  return (at, message, fields = {}) => {
    if (LOG_LEVELS.indexOf(at) < least) return;
    write(JSON.stringify({ time: now().toISOString(), level: at, message, ...fields }));
  };
}
