/** Files of a round's folder, kept where all machines find them: by the port of shards' files, under names that begin with the job's id. */
import { dirname, join } from "node:path";
import type { ShardFiles } from "../../../campaigns/shard.ts";
import { absent, PARTIAL, writeAtomically } from "../../../diffusion/files.ts";
import { LOCK } from "../../../diffusion/lock.ts";
import { RESULT } from "../../../distillation/result.ts";
import { checkDigest, sha256Of } from "../../../models/weights.ts";
import { CHECKPOINT, CHECKPOINTS, PREVIOUS } from "../../../training/checkpoint.ts";
import type { KeptFile } from "./record.ts";

/** Of a checkpoint the newest is kept alone. */
const isKept = (name: string): boolean =>
  name === CHECKPOINT ||
  !(CHECKPOINTS.some((one) => one === name) || name === LOCK || name.endsWith(PARTIAL) || name.startsWith("."));

/** Paths of all files in a folder. */
async function pathsIn(folder: string, within = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(folder, within))) {
    const path = within === "" ? name : `${within}/${name}`;
    if (isDirectory) found.push(...await pathsIn(folder, path));
    else found.push(path);
  }
  return found;
}

/** Times that one looks again for a checkpoint between the two renames that put it in its place, 20 ms apart. */
const LOOKS = 100;

/** What there is to be kept of a folder: the checkpoint first, so that logs have all that belongs to it. */
async function pathsToKeep(folder: string): Promise<string[]> {
  for (let look = 0;; look++) {
    const paths = await pathsIn(folder);
    if (look < LOOKS && paths.includes(PREVIOUS) && !paths.includes(CHECKPOINT)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    const first = (path: string) => path === CHECKPOINT ? 0 : 1;
    return paths.filter((path) => isKept(path.split("/").at(-1)!)).sort((a, b) =>
      first(a) - first(b) || (a < b ? -1 : 1)
    );
  }
}

/** Changes where a file does. */
const stampOf = async (path: string): Promise<string | undefined> => {
  const stat = await Deno.stat(path).catch(absent);
  return stat && `${stat.mtime?.getTime()} ${stat.size} ${stat.ino}`;
};

/** Keeps a folder's files, again and again. */
export interface Keeper {
  /** Puts what has changed. What is gone from the folder stays kept. @returns all that is kept now */
  keep(): Promise<KeptFile[]>;
}

/**
 * @param begin what names of files that it puts begin with: the job's id, and what nobody else's begin with
 * @param kept what is kept already; those of them that are in the folder are taken to be unchanged
 */
export async function keeperOf(
  { files, folder, begin, kept = [] }: {
    readonly files: Pick<ShardFiles, "put">;
    readonly folder: string;
    readonly begin: string;
    readonly kept?: readonly KeptFile[];
  },
): Promise<Keeper> {
  const known = new Map(kept.map((file) => [file.path, file])), stamps = new Map<string, string>();
  let count = 0;
  for (const { path } of kept) {
    const stamp = await stampOf(join(folder, path));
    if (stamp) stamps.set(path, stamp);
  }
  return {
    async keep() {
      for (const path of await pathsToKeep(folder)) {
        const stamp = await stampOf(join(folder, path));
        if (stamp === undefined || stamps.get(path) === stamp) continue;
        const bytes = await Deno.readFile(join(folder, path)).catch(absent);
        if (!bytes) continue;
        const stored = `${begin}-${++count}`, sha256 = sha256Of(bytes);
        await files.put(stored, bytes);
        known.set(path, { path, stored, sha256 });
        stamps.set(path, stamp);
      }
      return [...known.values()];
    },
  };
}

/**
 * Puts kept files into a folder, `result.json` last: where that is, all are.
 *
 * @throws Deno.errors.NotFound where one is not kept there; TypeError where one is another than was kept; what the files throw
 */
export async function fetchFiles(
  files: Pick<ShardFiles, "get">,
  folder: string,
  kept: readonly KeptFile[],
): Promise<void> {
  const last = (path: string) => path === RESULT ? 1 : 0;
  for (const { path, stored, sha256 } of kept.toSorted((a, b) => last(a.path) - last(b.path))) {
    const bytes = await files.get(stored), to = join(folder, path);
    checkDigest(stored, sha256Of(bytes), sha256, "the round's record");
    await Deno.mkdir(dirname(to), { recursive: true });
    await writeAtomically(to, bytes);
  }
}
