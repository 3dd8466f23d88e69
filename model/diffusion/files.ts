/** Files on disk. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";

/** What the name of a file ends in that is being written, to be given its own when it is whole. */
export const PARTIAL = ".partial";

/** Where a file is written before it takes this path. */
export const partialOf = (path: string): string => path + PARTIAL;

/** Undefined for what is not there; other errors go on. */
export function absent(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** What the name of a file ends in that lies compressed, by gzip, in place of the one whose name is before it. */
const GZIP = ".gz";

/**
 * Where a file lies: at `path`, or, where nothing is there, compressed beside, at `path.gz`. A path of neither stays as it is, for whoever opens it to find nothing.
 */
export async function placeOf(path: string): Promise<string> {
  const there = async (place: string) => await Deno.stat(place).then(() => true, absent) ?? false;
  return await there(path) || !await there(path + GZIP) ? path : path + GZIP;
}

/**
 * The bytes of a file that lies as it is or compressed ({@link placeOf}): the same bytes either way.
 *
 * @throws Deno.errors.NotFound where neither is there; TypeError naming the file where what is compressed is damaged
 */
export async function readStored(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const place = await placeOf(path), bytes = await Deno.readFile(place);
  if (place === path) return bytes;
  try {
    return new Uint8Array(await promisify(gunzip)(bytes));
  } catch (error) {
    throw new TypeError(`${place}: not sound gzip (${(error as Error).message}): the file is damaged`, {
      cause: error,
    });
  }
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
    await fill(file, temporary, bytes, mode);
  }
  await Deno.rename(temporary, path);
}

async function fill(file: Deno.FsFile, path: string, bytes: Uint8Array, mode?: number): Promise<void> {
  if (mode !== undefined) await Deno.chmod(path, mode); // one may have been left there
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.sync();
}

/**
 * Replaces a file by what is made of it, as {@link writeAtomically} does, one change after the other: each sees the one before, whichever process
 * made it. The temporary file is locked meanwhile (flock), so that nothing is left of a process that is killed but that file.
 *
 * @param change makes the new text of the old one, undefined where there is none; what it throws leaves all as it was
 */
export async function changeAtomically(
  path: string,
  change: (text: string | undefined) => string,
  mode?: number,
): Promise<void> {
  const temporary = partialOf(path);
  while (true) {
    using file = await Deno.open(temporary, { write: true, create: true, mode });
    await file.lock(true);
    // Who had the lock before may have given the file its own name, or removed it.
    const [locked, there] = await Promise.all([file.stat(), Deno.stat(temporary).catch(absent)]);
    if (there?.ino !== locked.ino || there?.dev !== locked.dev) continue;
    try {
      const text = change(await Deno.readTextFile(path).catch(absent));
      await file.truncate();
      await fill(file, temporary, new TextEncoder().encode(text), mode);
    } catch (error) {
      await Deno.remove(temporary);
      throw error;
    }
    return await Deno.rename(temporary, path);
  }
}
