import assert from "node:assert/strict";
import { join } from "node:path";
import { KeySet } from "../../../model/campaigns/keys.ts";
import { KeyFilter } from "../../../model/campaigns/keys/filter.ts";
import { compareKeys, setWords, sortedOrder, WORDS } from "../../../model/campaigns/keys/words.ts";
import { inchikeyOf } from "./inchikeys.ts";

const folderOf = () => Deno.makeTempDir({ prefix: "molstep-keys-" });

Deno.test("setWords() gives different keys different words, whichever letter differs, and the second is never 0", () => {
  const base = "AAAAAAAAAAAAAA-AAAAAAAAAA-A", places = [...base].flatMap((letter, k) => letter === "A" ? [k] : []);
  assert.equal(places.length, 25);
  const seen = new Set<string>(), words = new Uint32Array(WORDS);
  for (
    const key of [
      base,
      ...places.flatMap((k) => ["B", "M", "N", "Z"].map((one) => base.slice(0, k) + one + base.slice(k + 1))),
    ]
  ) {
    setWords(key, words, 0);
    assert.ok(words[1] > 0);
    seen.add(words.join());
  }
  assert.equal(seen.size, 101);
  setWords("ZZZZZZZZZZZZZZ-ZZZZZZZZZZ-Z", words, 0); // the largest: none overflows
  assert.deepEqual([...words], [13 * (26 ** 6 - 1) + 12, 2 * (26 ** 6 - 1) + 2, 26 ** 6 - 1, 26 ** 6 - 1]);
  for (const wrong of ["", "CCO", base.toLowerCase(), `${base}A`, base.replace("-", "A")]) {
    assert.throws(() => setWords(wrong, words, 0), /key must be an InChIKey; got/);
  }
});

Deno.test("sortedOrder() sorts keys, those that begin alike too", () => {
  const count = 3000, keys = new Uint32Array(WORDS * count);
  for (let k = 0; k < count; k++) {
    const key = inchikeyOf(k % 2 ? k : 2 * (k % 20)); // half share their skeletons
    setWords(k % 2 ? key : key.slice(0, 14) + inchikeyOf(k).slice(14), keys, WORDS * k);
  }
  const order = sortedOrder(keys, count);
  assert.equal(new Set(order).size, count);
  for (let k = 1; k < count; k++) assert.ok(compareKeys(keys, WORDS * order[k - 1], keys, WORDS * order[k]) <= 0);
});

Deno.test("KeyFilter passes all keys that it has, and fewer than 1.5 % of others", () => {
  const count = 20_000, filter = new KeyFilter(count), key = new Uint32Array(WORDS);
  const passed = (from: number, act: () => boolean | void) => {
    let sum = 0;
    for (let k = from; k < from + count; k++) {
      setWords(inchikeyOf(k), key, 0);
      if (act()) sum++;
    }
    return sum;
  };
  passed(0, () => filter.add(key, 0));
  assert.equal(passed(0, () => filter.mayHave(key, 0)), count);
  const others = passed(count, () => filter.mayHave(key, 0));
  assert.ok(others < 0.015 * count, `${others} of ${count}`);
});

/** Numbers in which about a third were there before: from all of the past, and within a batch. */
function* numbers(count: number) {
  let state = 1;
  for (let fresh = 0, k = 0; k < count; k++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state % 3 === 0 ? state % (fresh + 1) : fresh++;
  }
}

Deno.test("KeySet answers as a Set of text does, in memory, in the journal, in runs and after merges, opened anew in between", async () => {
  const folder = await folderOf(), all = [...numbers(30_000)].map(inchikeyOf), told = new Set<string>();
  for (let from = 0; from < all.length; from += 5000) {
    using keys = await KeySet.open(folder, { spill: 700 });
    assert.equal(keys.mark, from === 0 ? null : from);
    for (let at = from; at < from + 5000; at += 250) {
      const batch = all.slice(at, at + 250),
        expected = batch.map((key) => !told.has(key) && told.add(key) !== undefined);
      assert.deepEqual(keys.add(batch), expected);
      assert.equal(keys.size, told.size);
      await keys.keep(at + 250);
    }
  }
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assert.ok(names.filter((name) => name.startsWith("run-")).length < 8, names.join());
  assert.equal(names.filter((name) => name.startsWith("journal-")).length, 1);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("KeySet forgets what was not kept: who goes on from its mark gets the same answers", async () => {
  const folder = await folderOf();
  {
    using keys = await KeySet.open(folder, { spill: 100 });
    keys.add(Array.from({ length: 150 }, (_, k) => inchikeyOf(k)));
    await keys.keep({ shard: 1 });
    keys.add(Array.from({ length: 70 }, (_, k) => inchikeyOf(150 + k)));
  }
  using keys = await KeySet.open(folder, { spill: 100 });
  assert.deepEqual([keys.mark, keys.size], [{ shard: 1 }, 150]);
  assert.deepEqual(keys.add([149, 150, 219, 220].map(inchikeyOf)), [false, true, true, true]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("KeySet refuses a file that is not as it was left, and keys while it is being kept", async () => {
  const folder = await folderOf();
  {
    using keys = await KeySet.open(folder, { spill: 10 });
    keys.add(Array.from({ length: 20 }, (_, k) => inchikeyOf(k)));
    const kept = keys.keep(1);
    assert.throws(() => keys.add([inchikeyOf(0)]), /keys must not be added while the set is being kept/);
    await assert.rejects(keys.keep(2), /keep\(\) must not be called while/);
    await kept;
  }
  const run = [...Deno.readDirSync(folder)].find(({ name }) => name.startsWith("run-"))!.name;
  await Deno.truncate(join(folder, run), 16 * 19);
  await assert.rejects(KeySet.open(folder), /must have 320 bytes for 20 keys; got 304/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("KeySet killed at any time has all keys until its mark, and no other", async () => {
  const folder = await folderOf(), child = join(import.meta.dirname!, "keys_child.ts");
  let before = 0;
  for (const life of [300, 450, 380, 520]) {
    const process = new Deno.Command(Deno.execPath(), { args: ["run", "-A", child, folder], stdout: "piped" }).spawn();
    const reader = process.stdout.getReader();
    await reader.read(); // it runs
    await new Promise((resolve) => setTimeout(resolve, life));
    process.kill("SIGKILL");
    await process.status;
    await reader.cancel();
    using keys = await KeySet.open(folder, { spill: 500 });
    const mark = keys.mark as number;
    assert.ok(mark > before, `${mark} after ${before}`);
    assert.equal(keys.size, mark);
    assert.deepEqual(keys.add(Array.from({ length: mark }, (_, k) => inchikeyOf(k))).filter(Boolean), []);
    assert.ok(keys.add(Array.from({ length: 500 }, (_, k) => inchikeyOf(mark + k))).every(Boolean));
    before = mark;
  }
  await Deno.remove(folder, { recursive: true });
});
