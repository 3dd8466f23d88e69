/** Sets of molecules that clients give, in the data directory: one is read, told of, removed; old ones go by themselves. */
import { join } from "node:path";
import { MANIFEST } from "../../chem/manifest.ts";
import { type AboutSet, readAbout, REFUSED_FILE, setName, SUMMARY_FILE } from "../../chem/sets/form.ts";
import { prepareInWorker } from "../../chem/sets/prepare_in_worker.ts";
import { linesOf } from "../../chem/sets/records.ts";
import type { SetSummary } from "../../chem/sets/summary.ts";
import type { RefusedRecord } from "../../chem/sets/write_set.ts";
import { absent } from "../diffusion/files.ts";
import { storing } from "../diffusion/storage.ts";
import { type Lifecycle, refuseWhenDraining, refuseWhenReadOnly } from "./lifecycle.ts";

/** What sets may take. */
export interface SetQuota {
  /** Sets at once; 0: none are taken. */
  readonly sets: number;
  /** Bytes of a file as it is sent. */
  readonly bytes: number;
  /** Records of a file. */
  readonly records: number;
  /** Days that a set is kept. */
  readonly days: number;
}

/** Why something cannot be done with a set. */
export type SetFault = "unknown" | "busy" | "quota" | "too-long" | "unreadable";

/** See {@link SetFault}. */
export class SetError extends RangeError {
  override readonly name = "SetError";
  constructor(readonly fault: SetFault, message: string) {
    super(message);
  }
}

/** A set, as a list tells of it. */
export interface KeptSet extends Pick<AboutSet, "description" | "molecules" | "refused" | "classes"> {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** A set with what it is made of. */
export interface KeptSetDetail extends KeptSet {
  readonly summary: SetSummary;
}

/** How many times as large as it is sent a file may be when it is uncompressed. */
const COMPRESSION = 16;

const DAY = 24 * 3600 * 1000;

/** The folder of sets in a data directory. */
const setsFolder = (data: string): string => join(data, "sets");

/** The folder of a set in a data directory. */
export const keptSetFolder = (data: string, id: string): string => join(setsFolder(data), id);

/** Sets. */
export interface Sets {
  readonly quota: SetQuota;
  /** A set of a file's bytes. @throws as {@link addSet} */
  add(
    body: AsyncIterable<Uint8Array>,
    how: { description?: string; signal: AbortSignal },
  ): Promise<KeptSet & { readonly first: readonly RefusedRecord[] }>;
  /** Newest first. */
  list(): Promise<KeptSet[]>;
  /** @throws SetError */
  get(id: string): Promise<KeptSetDetail>;
  /** Records that were refused, so many of them after the first `offset`. @throws SetError */
  refused(id: string, page: { offset: number; limit: number }): Promise<RefusedRecord[]>;
  /** @throws SetError */
  remove(id: string): Promise<void>;
  /** Removes what is too old, and what an earlier life of the service left half done. */
  sweep(): Promise<void>;
}

/** Sets of a data directory. */
export function openSets({ data, quota, now = Date.now }: { data: string; quota: SetQuota; now?: () => number }): Sets {
  const root = setsFolder(data);
  let reading = false;

  const kept = async (id: string): Promise<KeptSet | undefined> => {
    const folder = join(root, id),
      stat = setName.safeParse(id).success && await Deno.stat(join(folder, MANIFEST)).catch(absent);
    const about = stat ? await readAbout(folder) : undefined;
    if (!stat || !about) return undefined;
    const { description, molecules, refused, classes } = about, createdAt = stat.mtime?.getTime() ?? 0;
    return { id, description, molecules, refused, classes, createdAt, expiresAt: createdAt + DAY * quota.days };
  };
  const get = async (id: string): Promise<KeptSet> => {
    const found = await kept(id);
    if (!found || found.expiresAt <= now()) {
      throw new SetError(
        "unknown",
        `there is no set ${JSON.stringify(id.slice(0, 64))}; GET /data lists those that there are`,
      );
    }
    return found;
  };
  const names = async () => (await Array.fromAsync(Deno.readDir(root)).catch(absent) ?? []).map(({ name }) => name);
  const list = async () => {
    const all = await Promise.all((await names()).map(kept));
    return all.flatMap((one) => one && one.expiresAt > now() ? [one] : []).sort((a, b) => b.createdAt - a.createdAt);
  };
  /** Removes what is not living. @returns how many are */
  const sweep = async (): Promise<number> => {
    const living = new Set((await list()).map(({ id }) => id));
    for (const name of await names()) {
      if (!living.has(name) && !reading) await Deno.remove(join(root, name), { recursive: true });
    }
    return living.size;
  };

  return {
    quota,
    list,
    sweep: async () => void await sweep(),
    async get(id) {
      const found = await get(id);
      return { ...found, summary: JSON.parse(await Deno.readTextFile(join(root, id, SUMMARY_FILE))) };
    },
    async refused(id, { offset, limit }) {
      await get(id);
      const found: RefusedRecord[] = [];
      let line = 0;
      for await (const text of linesOf(join(root, id, REFUSED_FILE))) {
        if (line++ < offset) continue;
        if (found.length === limit) break;
        found.push(JSON.parse(text));
      }
      return found;
    },
    async remove(id) {
      await get(id);
      await storing(() => Deno.remove(join(root, id), { recursive: true }));
    },
    async add(body, { description, signal }) {
      if (reading) throw new SetError("busy", "one set is read at a time; another is being read");
      const there = await storing(sweep);
      if (there >= quota.sets) {
        throw new SetError("quota", `sets must be at most ${quota.sets}; there are ${there}: remove one`);
      }
      if (reading) throw new SetError("busy", "one set is read at a time; another is being read");
      reading = true;
      const id = crypto.randomUUID(), upload = join(root, `.${id}.sdf`);
      try {
        await storing(() => Deno.mkdir(root, { recursive: true }));
        await storing(() => write(upload, body, quota.bytes, signal));
        const from = { sdf: upload, most: COMPRESSION * quota.bytes }, to = join(root, id);
        const { refused: first } = await storing(() =>
          prepareInWorker({ from, to, name: id, description, records: quota.records }, { signal })
        ).catch((error) => {
          // What is wrong with a file is told by these; all else is the service's own fault.
          throw error instanceof TypeError || error instanceof RangeError
            ? new SetError("unreadable", error.message)
            : error;
        });
        return { ...(await kept(id))!, first };
      } finally {
        await Deno.remove(upload).catch(() => {});
        reading = false;
      }
    },
  };
}

/** @throws SetError where there is more */
async function write(path: string, body: AsyncIterable<Uint8Array>, most: number, signal: AbortSignal): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  let length = 0;
  for await (const bytes of body) {
    signal.throwIfAborted();
    if ((length += bytes.length) > most) throw new SetError("too-long", `the file may have at most ${most} bytes`);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  }
}

/**
 * Makes a set of what a client sends.
 *
 * @throws ShuttingDownError, ReadOnlyError, StorageError; SetError: another is read, there are as many as may be, it is too long, or no file of molecules
 */
export async function addSet(
  sets: Sets,
  body: AsyncIterable<Uint8Array>,
  how: { description?: string; signal: AbortSignal },
  lifecycle: Lifecycle,
) {
  refuseWhenDraining(lifecycle);
  refuseWhenReadOnly(lifecycle);
  return await sets.add(body, how);
}

/** Removes a set. @throws ReadOnlyError, SetError, StorageError */
export async function removeSet(sets: Sets, id: string, lifecycle: Lifecycle): Promise<void> {
  refuseWhenReadOnly(lifecycle);
  await sets.remove(id);
}
