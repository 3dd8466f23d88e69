/**
 * The collector: from files of shards to the results of a campaign. It takes shards in the order of their places, and molecules in the order of their
 * indices, so that which of two equal ones counts, and where the cut at `want` is, do not depend on when a shard came.
 *
 * Results grow by parts, a shard's each: gzip members (RFC 1952, section 2.2), which one after the other are one gzip file. How far they go is
 * committed elsewhere (`store.ts`) after they are on the disk; what stands in the files beyond that, of a process that was killed between, is cut off.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { atomicNumberOf } from "../../chem/elements.ts";
import { keyOf, type UNIQUE } from "../../chem/identity.ts";
import { absent } from "../diffusion/files.ts";
import { KeySet } from "./keys.ts";
import type { CampaignOrder, ResultFormat } from "./order.ts";
import { type ParquetColumn, ParquetFile, type ParquetRow } from "./parquet.ts";
import { readShard, type ShardCounts, type ShardLine } from "./shard_file.ts";

/** Names of a campaign's results in its folder. */
export const RESULT_FILES: Readonly<Record<ResultFormat, string>> = {
  ndjson: "results.ndjson.gz",
  sdf: "results.sdf.gz",
  parquet: "results.parquet",
};

/** The folders beside them of the keys that are known: by the campaign's rule, and those that are counted without stereo. */
const KEYS = "keys", FLAT_KEYS = "keys-flat";

/** Keys that may be made anew from the results when a process ends: after so many they are kept. */
const KEEP_EACH = 20_000;

/** What a collector is to make. */
export interface CollectOrder {
  readonly folder: string;
  readonly formats: readonly ResultFormat[];
  readonly unique: CampaignOrder["unique"];
  /** Names of the values that lines have. */
  readonly values: readonly string[];
  /** Bytes that are committed of the SDF. */
  readonly sdf: number;
  /** Bytes of each part that is committed of the NDJSON, as compressed. */
  readonly parts: readonly number[];
}

/** What a shard added. */
export interface Taken extends ShardCounts {
  readonly kept: number;
  readonly duplicates: number;
  /** Different molecules without stereo of all that are kept so far. */
  readonly flat: number;
  /** Bytes of NDJSON, and as compressed. */
  readonly text: number;
  readonly gzip: number;
  readonly sdf: number;
}

/** See above. Whatever it throws, it is of no use then: another is opened where the last commit was. */
export interface Collector {
  /** Takes the next shard's file. @param room molecules that are still wanted: the rest is left */
  take(file: Uint8Array, room: number): Promise<Taken>;
  /** Makes what is made of all at once: the Parquet file, where it is asked for. A piece at each step, so that others can be served between. @returns its bytes, 0 where not asked for */
  finish(parts: readonly number[]): AsyncGenerator<void, number, void>;
  close(): void;
}

/** Rows that go into the Parquet file at a step. */
const STEP_ROWS = 1000;

const encoder = new TextEncoder(), decoder = new TextDecoder();

/** What stands behind the first block in the InChIKey of a molecule without stereo. */
const NO_STEREO = "-UHFFFAOYSA-N";

/** What a molecule is known by, in the form of an InChIKey. */
function formed(line: Pick<ShardLine, "inchikey" | "smiles">, unique: typeof UNIQUE[number]): string {
  const key = keyOf(line, unique);
  if (line.inchikey) return unique === "flat" ? key + NO_STEREO : key;
  const letters = Array.from(
    createHash("sha256").update(key).digest().subarray(0, 25),
    (byte) => String.fromCharCode(65 + byte % 26),
  ).join("");
  return `${letters.slice(0, 14)}-${letters.slice(14, 24)}-${letters[24]}`;
}

/**
 * The keys of what is committed: those that were kept, and of parts after these those of the results themselves. All of them where the set's folder is
 * of no use, as it knows more than was committed, or is damaged.
 */
async function openKeys(
  folder: string,
  unique: typeof UNIQUE[number],
  path: string,
  parts: readonly number[],
): Promise<KeySet> {
  const open = async () => {
    const keys = await KeySet.open(folder), from = Number(keys.mark ?? 0);
    if (from <= parts.length) return { keys, from };
    keys[Symbol.dispose]();
    throw new RangeError(`${folder} knows ${from} parts; ${parts.length} are committed`);
  };
  const { keys, from } = await open().catch(async (error) => {
    if (!(error instanceof RangeError)) throw error;
    await Deno.remove(folder, { recursive: true });
    return await open();
  });
  try {
    for await (const lines of committed(path, parts, from)) {
      keys.add(lines.map((line) => formed(JSON.parse(line), unique)));
    }
    return keys;
  } catch (error) {
    keys[Symbol.dispose]();
    throw error;
  }
}

/** A result of gzip members that grows. */
interface Growing {
  /** @returns bytes of the member; none where there is no text */
  append(text: string): Promise<number>;
  close(): void;
}

/** Opens one that has so many bytes; what is more is cut off. */
async function openGrowing(path: string, length: number): Promise<Growing> {
  const file = await Deno.open(path, { read: true, write: true, create: true });
  const { size } = await file.stat();
  if (size < length) {
    file.close();
    throw new Error(`${path} must have ${length} bytes at least; got ${size}`);
  }
  await file.truncate(length);
  await file.seek(0, Deno.SeekMode.End);
  return {
    async append(text: string): Promise<number> {
      if (text === "") return 0;
      const bytes = gzipSync(encoder.encode(text));
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.syncData();
      return bytes.length;
    },
    close: () => file.close(),
  };
}

/** Lines of the NDJSON that is committed, a part at a time, from a part on. */
async function* committed(path: string, parts: readonly number[], from = 0): AsyncGenerator<string[], void, void> {
  using file = await Deno.open(path, { read: true });
  await file.seek(parts.slice(0, from).reduce((sum, length) => sum + length, 0), Deno.SeekMode.Start);
  for (const length of parts.slice(from)) {
    if (length === 0) continue;
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const read = await file.read(bytes.subarray(at));
      if (read === null) throw new Error(`${path} ends before its parts do`);
      at += read;
    }
    yield decoder.decode(gunzipSync(bytes)).trimEnd().split("\n");
  }
}

/** Columns of the Parquet file. */
const columnsOf = (values: readonly string[]): ParquetColumn[] => [
  { name: "index", type: "INT64" },
  { name: "smiles", type: "STRING" },
  { name: "inchikey", type: "STRING", nullable: true },
  ...values.map((name): ParquetColumn => ({ name, type: "DOUBLE", nullable: true })),
  { name: "atomicNumbers", type: "LIST<INT32>" },
  { name: "positions", type: "LIST<FLOAT>" },
  { name: "bonds", type: "LIST<INT32>" },
];

const toRow = ({ index, smiles, inchikey, values, symbols, positions, bonds }: Omit<ShardLine, "sdf">): ParquetRow => ({
  ...values,
  index,
  smiles,
  inchikey,
  atomicNumbers: symbols.map((symbol) => atomicNumberOf(symbol)),
  positions: positions.flat(),
  bonds: bonds!.flatMap(({ i, j, order }) => [i, j, order]),
});

/** Removes the keys of a campaign that has found all: nobody asks for them any more. */
export async function forgetKeys(folder: string): Promise<void> {
  for (const name of [KEYS, FLAT_KEYS]) await Deno.remove(join(folder, name), { recursive: true }).catch(absent);
}

/**
 * Opens a collector where the last commit was: files are cut off there, and the keys of what they have are read.
 *
 * @throws Error where a file has less than was committed; the system's errors
 */
export async function openCollector(
  { folder, formats, unique, values, sdf: sdfLength, parts: before }: CollectOrder,
): Promise<Collector> {
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, RESULT_FILES.ndjson);
  const opened: (() => void)[] = [], close = () => opened.splice(0).forEach((end) => end());
  const growing = async (name: string, length: number) => {
    const file = await openGrowing(join(folder, name), length);
    opened.push(file.close);
    return file;
  };
  const keysAt = async (name: string, by: typeof UNIQUE[number]) => {
    const keys = await openKeys(join(folder, name), by, path, before);
    opened.push(() => keys[Symbol.dispose]());
    return keys;
  };
  let ndjson: Growing, sdf: Growing | undefined, known: KeySet | undefined, flat: KeySet;
  let parts = before.length, fresh = 0;
  try {
    ndjson = await growing(RESULT_FILES.ndjson, before.reduce((sum, length) => sum + length, 0));
    if (formats.includes("sdf")) sdf = await growing(RESULT_FILES.sdf, sdfLength);
    if (unique !== "none") known = await keysAt(KEYS, unique);
    flat = known && unique === "flat" ? known : await keysAt(FLAT_KEYS, "flat");
  } catch (error) {
    close();
    throw error;
  }

  return {
    async take(file, room) {
      // Who asks for the next has committed the one before.
      if (fresh >= KEEP_EACH) {
        for (const keys of new Set([known, flat])) await keys?.keep(parts);
        fresh = 0;
      }
      const { counts, lines } = readShard(gunzipSync(file));
      const flatBefore = flat.size,
        added = unique === "none" ? undefined : known?.add(lines.map((line) => formed(line, unique)));
      const counted: string[] = [];
      let kept = 0, duplicates = 0, text = "", records = "";
      for (const [k, { sdf, ...line }] of lines.entries()) {
        if (kept === room) break;
        if (added && !added[k]) duplicates++;
        else {
          kept++;
          counted.push(formed(line, "flat"));
          text += JSON.stringify(line) + "\n";
          records += sdf;
        }
      }
      // The set of all keys has those beyond the cut at `room`, too.
      const flatMore = flat === known ? kept : flat.add(counted).filter(Boolean).length;
      parts++;
      fresh += kept;
      return {
        ...counts,
        ...{ kept, duplicates, flat: flatBefore + flatMore },
        text: encoder.encode(text).length,
        gzip: await ndjson.append(text),
        sdf: await sdf?.append(records) ?? 0,
      };
    },
    async *finish(parts) {
      if (!formats.includes("parquet")) return 0;
      const target = join(folder, RESULT_FILES.parquet);
      await using parquet = await ParquetFile.create(target, columnsOf(values));
      let rows = 0;
      for await (const lines of committed(path, parts)) {
        for (const line of lines) {
          await parquet.add(toRow(JSON.parse(line)));
          if (++rows % STEP_ROWS === 0) yield;
        }
        await Deno.stat(path); // gone with a campaign that is removed meanwhile
      }
      await parquet.finish();
      return (await Deno.stat(target)).size;
    },
    close,
  };
}
