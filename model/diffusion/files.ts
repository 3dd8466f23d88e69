/** Files on disk. */

/** What the name of a file ends in that is being written, to be given its own when it is whole. */
export const PARTIAL = ".partial";

/** Where a file is written before it takes this path. */
export const partialOf = (path: string): string => path + PARTIAL;

/** Undefined for what is not there; other errors go on. */
export function absent(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/**
 * Writes bytes so that `path` holds either its old content or all of the new: temporary file, fsync, rename.
 *
 * @param mode who may read and write it, as of chmod; by the umask where absent
 */
export async function writeAtomically(path: string, bytes: Uint8Array, mode?: number): Promise<void> {
  const temporary = partialOf(path);
  {
    using file = await Deno.open(temporary, { write: true, create: true, truncate: true, mode });
    if (mode !== undefined) await Deno.chmod(temporary, mode); // one may have been left there
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  }
  await Deno.rename(temporary, path);
}
