/** What the data directory refuses: it is full, or nothing may be written there. */

const FULL = ["ENOSPC", "EDQUOT", "database or disk is full"];
const REFUSED = ["EROFS", "EACCES", "EPERM", "attempt to write a readonly database", "unable to open database file"];

/** The data directory does not take what is to be kept there; `cause` is the system's or SQLite's error. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  constructor(
    /** Whether it is full; else nothing may be written there. */
    readonly full: boolean,
    cause: unknown,
  ) {
    const why = full ? "is full: free some space" : "cannot be written to: see its owner, mode and file system";
    super(`the data directory ${why}, then ask again`, { cause });
  }
}

/** Whether an error, or what caused it, has one of these codes or, of SQLite, which has none in Deno, texts. */
const says = (error: unknown, marks: readonly string[]): boolean =>
  error instanceof Error &&
  (marks.some((mark) => (error as { code?: string }).code === mark || error.message.includes(mark)) ||
    says(error.cause, marks));

/** Whether an error, or what caused it, means that there is no room. */
export const isFull = (error: unknown): boolean => says(error, FULL);

/** What writing in the data directory comes to. @throws StorageError in the place of the errors that mean it */
export async function storing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const full = isFull(error);
    throw full || says(error, REFUSED) ? new StorageError(full, error) : error;
  }
}
