/**
 * The right of one process to a folder, for as long as it lives.
 *
 * It is the kernel's lock (flock) on `owner.lock` in the folder, so that it ends with the process however that ends, and nothing
 * is left that must be cleared up. The file says who holds it, for people; it stays when the lock has gone. Between machines it is as
 * good as the file system: NFS from version 4 on, CephFS and SMB keep it for all who mount them, and give it up a lease (90 s or so) after
 * its machine has died; NFS mounted with `nolock` or `local_lock`, and some FUSE file systems, know of one machine's locks only. A
 * file system that has no locks at all is told as an error, never taken for a free folder.
 */
import { join } from "node:path";

/** The file that is locked. */
export const LOCK = "owner.lock";

/** Another process has the folder. */
export class FolderInUseError extends Error {
  override readonly name = "FolderInUseError";
  constructor(readonly folder: string, readonly owner: string) {
    super(`${folder} must be one process's alone; got one that is in use by ${owner}`);
  }
}

/** A folder that is this process's. */
export interface FolderLock {
  /** Gives it up. May be called more than once. */
  release(): void;
}

/** Who holds the lock, in words, as far as the file says it. */
function ownerIn(path: string): string {
  try {
    const { pid, host } = JSON.parse(Deno.readTextFileSync(path));
    return `process ${Number(pid)} on ${String(host)}`;
  } catch {
    return "another process";
  }
}

/**
 * Takes a folder, which is made where it is not there. One process may not take it twice.
 *
 * @throws FolderInUseError naming the owner's process and host; the file system's error where nothing can be written or locked there
 */
export function lockFolder(folder: string): FolderLock {
  Deno.mkdirSync(folder, { recursive: true });
  const path = join(folder, LOCK), file = Deno.openSync(path, { read: true, write: true, create: true });
  try {
    if (!file.tryLockSync(true)) throw new FolderInUseError(folder, ownerIn(path));
    const owner = { pid: Deno.pid, host: Deno.hostname(), since: new Date().toISOString() };
    const bytes = new TextEncoder().encode(JSON.stringify(owner) + "\n");
    file.truncateSync(0);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } catch (error) {
    file.close();
    throw error;
  }
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      file.close(); // and with it the lock
    },
  };
}

/** Does work in a folder that is this process's meanwhile. Throws as {@link lockFolder}, and what the work throws. */
export async function whileOwned<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = lockFolder(folder);
  try {
    return await work();
  } finally {
    lock.release();
  }
}
