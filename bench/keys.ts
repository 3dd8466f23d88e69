/**
 * `deno task bench:keys`: ways to know of 100 million InChIKeys which are new: how many a second as the set grows, and what memory and disk it takes. Each way
 * is a process of its own. Keys are numbers' (`tests/model/campaigns/inchikeys.ts`); of four keys one was there before, anywhere in the past.
 */
import { cpuUsage } from "node:process";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { z } from "zod";
import { helpText, list, option, readOptions, whole } from "../main/options.ts";
import { KeySet } from "../model/campaigns/keys.ts";
import { hashOf, KEY_BYTES, sameKey, setWords, WORDS } from "../model/campaigns/keys/words.ts";
import { inchikeyOf } from "../tests/model/campaigns/inchikeys.ts";
import { conditions } from "./conditions.ts";
import { peakMemory } from "./memory.ts";
import { asksForHelp, keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

/** A way: it says of each key whether it is new, and keeps them now and then. */
interface Way {
  add(keys: readonly string[]): boolean[];
  keep(): Promise<void>;
}

/** Keys of a batch, as a shard has, and batches between two times that they are kept. */
const BATCH = 1000, KEPT = 100;

/** Sorted runs behind Bloom filters, merged: what the product has. */
async function runs(folder: string): Promise<Way> {
  const set = await KeySet.open(folder);
  return { add: (keys) => set.add(keys), keep: () => set.keep(null) };
}

/** A table of SQLite that is its primary key's tree, of binary keys; 256 MiB of cache. */
function sqlite(folder: string): Way {
  const db = new DatabaseSync(join(folder, "keys.db")), words = new Uint32Array(WORDS);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -262144");
  db.exec("CREATE TABLE keys (key BLOB PRIMARY KEY) WITHOUT ROWID; BEGIN");
  const insert = db.prepare("INSERT OR IGNORE INTO keys VALUES (?)");
  return {
    add: (keys) =>
      keys.map((key) => {
        setWords(key, words, 0);
        return insert.run(new Uint8Array(words.buffer)).changes === 1;
      }),
    keep: () => Promise.resolve(db.exec("COMMIT; BEGIN")),
  };
}

/** A hash table on disk: buckets of 4 KiB by the key's hash, each read and written where it is; as many as `most` keys fill by half. */
function buckets(folder: string, most: number): Way {
  const slots = 256, count = Math.ceil(most * 2 / slots), bucket = new Uint32Array(WORDS * slots);
  const bytes = new Uint8Array(bucket.buffer), words = new Uint32Array(WORDS);
  const file = Deno.openSync(join(folder, "buckets"), { read: true, write: true, create: true });
  file.truncateSync(count * bytes.length);
  const addOne = (key: string): boolean => {
    setWords(key, words, 0);
    for (let at = Math.floor(hashOf(words, 0, 1) / 2 ** 32 * count);; at = (at + 1) % count) {
      file.seekSync(at * bytes.length, Deno.SeekMode.Start);
      file.readSync(bytes);
      for (let k = 0; k < bucket.length; k += WORDS) {
        if (sameKey(bucket, k, words, 0)) return false;
        if (bucket[k + 1] !== 0) continue;
        file.seekSync(at * bytes.length + 4 * k, Deno.SeekMode.Start);
        return file.writeSync(new Uint8Array(words.buffer)) === KEY_BYTES;
      }
    }
  };
  return { add: (keys) => keys.map(addOne), keep: () => file.sync() };
}

/** A Set of text in memory, for comparison: V8 lets it have 2^24 at most. */
function memory(): Way {
  const set = new Set<string>();
  return {
    add: (keys) =>
      keys.map((key) => {
        const { size } = set;
        return set.add(key).size > size;
      }),
    keep: () => Promise.resolve(),
  };
}

const WAYS = { runs, sqlite, buckets, memory } as const;

const OPTIONS = {
  ways: option(
    "NAMES",
    `${Object.keys(WAYS).join(", ")} (default all)`,
    list(z.enum(Object.keys(WAYS) as (keyof typeof WAYS)[])).prefault(Object.keys(WAYS).join()),
  ),
  keys: option("N", "keys to add, in millions; one of four was there before (default 4)", whole(1, 1000).default(4)),
  seconds: option("N", "seconds that one way may take; it ends there (default 120)", whole(1).default(120)),
  out: resultsOption("keys"),
};

/** What a way had done, at a million keys and at each doubling of them. */
type Reading = Row;

/** Bytes of the files of a folder that are on the disk. */
const diskOf = (folder: string) =>
  [...Deno.readDirSync(folder)].reduce(
    (sum, { name }) => sum + 512 * (Deno.statSync(join(folder, name)).blocks ?? 0),
    0,
  );

/** Adds keys in one way until all are in or the time is up; prints a reading a line. */
async function measure(name: keyof typeof WAYS, folder: string, millions: number, seconds: number): Promise<void> {
  const way = await WAYS[name](folder, millions * 1e6 * 3 / 4), started = performance.now();
  let added = 0, fresh = 0, before = 0, own = 0, ownBefore = 0, busy = 0, longest = 0, due = 1e6, state = 1;
  const timed = async (act: () => void | Promise<void>) => {
    const from = performance.now(), used = cpuUsage();
    await act();
    busy += Object.values(cpuUsage(used)).reduce((sum, us) => sum + us, 0) / 1000;
    own += performance.now() - from;
    return performance.now() - from;
  };
  while (added < millions * 1e6 && performance.now() - started < 1000 * seconds) {
    for (let batch = 0; batch < KEPT; batch++, added += BATCH) {
      const keys = Array.from({ length: BATCH }, (_, k) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return inchikeyOf(k % 4 === 3 ? Math.floor(state / 2 ** 32 * fresh) : fresh++);
      });
      await timed(() => {
        const news = way.add(keys);
        const wrong = news.findIndex((is, k) => is !== (k % 4 !== 3));
        if (wrong >= 0) throw new Error(`${name}: key ${added + wrong} must be ${news[wrong] ? "known" : "new"}`);
      });
    }
    longest = Math.max(longest, await timed(() => way.keep()));
    if (added < due) continue;
    const reading: Reading = {
      way: name,
      "million keys": added / 1e6,
      "million new": fresh / 1e6,
      "keys/s, all": 1000 * added / own,
      "keys/s of processor": 1000 * added / busy,
      "keys/s, since": 1000 * (added - before) / (own - ownBefore),
      "longest keep s": longest / 1000,
      "memory MiB": Deno.memoryUsage().rss / 2 ** 20,
      "peak MiB": await peakMemory(Deno.pid),
      "disk MiB": diskOf(folder) / 2 ** 20,
    };
    console.log(JSON.stringify(reading));
    [before, ownBefore, due] = [added, own, Math.min(2 * added, Math.max(added + 1, millions * 1e6))];
  }
}

/** Measures a way in a process of its own. */
async function measured(name: string, millions: number, seconds: number): Promise<Row[]> {
  const folder = await Deno.makeTempDir({ prefix: "molstep-keys-" });
  try {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.filename!, "--one", name, folder, String(millions), String(seconds)],
      stderr: "piped",
    }).output();
    const rows = new TextDecoder().decode(stdout).trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
    // A way that fails at a size is measured up to there.
    const error = new TextDecoder().decode(stderr).match(/^.*Error: .*$/m)?.[0];
    if (error) console.log(`${name}: ${error} after ${rows.at(-1)?.["million keys"] ?? 0} million keys or more`);
    return rows;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function main(args: string[]): Promise<void> {
  if (args[0] === "--one") {
    const [name, folder, millions, seconds] = args.slice(1);
    return await measure(name as keyof typeof WAYS, folder, Number(millions), Number(seconds));
  }
  if (asksForHelp(args)) {
    return console.log(helpText("deno task bench:keys", "Measures sets of many InChIKeys.", OPTIONS));
  }
  const { ways, keys, seconds, out } = readOptions(args, OPTIONS);
  const under = { command: toldCommand("bench:keys", args), ...await conditions() };
  console.log(machineLine(under));
  const rows: Row[] = [];
  for (const way of ways) rows.push(...await measured(way, keys, seconds));
  const result = { bench: "keys", settings: { "million keys": keys, seconds, batch: BATCH, kept: BATCH * KEPT }, rows };
  console.log(formatResult(result));
  const path = out ?? resultsPath(under, "keys");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);
