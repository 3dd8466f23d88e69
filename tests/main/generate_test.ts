/** Files of `molstep generate`: forms, the record beside them, and folders of chunks. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { partOf } from "../../bench/fixed_parts.ts";
import { readMolblock, readSdf } from "../../chem/sdf.ts";
import { commands } from "../../main.ts";
import type { Terminal } from "../../main/command.ts";
import { run } from "../../main/run.ts";
import type { Sidecar } from "../../main/sidecar.ts";
import { recordDigests } from "../../model/models/weights.ts";
import { withFolder, writeTinyModel } from "../model/tiny_model.ts";

/** Runs `molstep generate` with the options of a text and those given; what it says on stderr, and its status. */
async function generate(model: string, options: string, { out, signal = new AbortController().signal }: {
  readonly out: string;
  readonly signal?: AbortSignal;
}) {
  let error = "";
  const terminal: Terminal = {
    out: () => {},
    error: (text) => void (error += text),
    interactive: false,
    environment: {},
    signal,
  };
  const status = await run(commands, ["generate", "--model", model, ...options.split(" "), "--out", out], terminal);
  return { status, error };
}

/** A run that must succeed. */
async function done(...args: Parameters<typeof generate>): Promise<string> {
  const { status, error } = await generate(...args);
  assert.equal(status, 0, error);
  return error;
}

const unzipped = async (path: string) => {
  const file = await Deno.open(path);
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
};
const filesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const json = async (path: string) => JSON.parse(await Deno.readTextFile(path)) as Sidecar;
const sha256 = async (path: string) => createHash("sha256").update(await Deno.readFile(path)).digest("hex");

/** Drafts of all sorts, fast. */
const QUICK = "--count 23 --steps 2 --seed 4 --batch 4";

/** What `index.txt` names, in order, as one text. */
async function joined(folder: string): Promise<string> {
  const names = (await Deno.readTextFile(join(folder, "index.txt"))).trimEnd().split("\n");
  return (await Promise.all(names.map((name) => Deno.readTextFile(join(folder, name))))).join("");
}

Deno.test("molstep generate compresses by the file's ending or by --format, the same molecules under unique titles", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), path = (name: string) => join(root, name);
    for (const form of ["sdf", "xyz", "ndjson"]) {
      await done(model, `${QUICK} --backend wasm`, { out: path(`a.${form}`) });
      await done(model, `${QUICK} --backend wasm`, { out: path(`b.${form}.gz`) });
      assert.equal(await unzipped(path(`b.${form}.gz`)), await Deno.readTextFile(path(`a.${form}`)), form);
    }
    await done(model, `${QUICK} --backend wasm --format sdf.gz`, { out: path("c") });
    for (const out of ["a.sdf", "a.xyz", "a.ndjson", "b.sdf.gz", "c"]) {
      assert.equal((await json(path(`${out}.json`))).files[0].file, out, "a record of its own");
    }
    const records = readSdf(await unzipped(path("c")));
    assert.deepEqual(records.map(({ title }) => title), Array.from({ length: 23 }, (_, i) => `molstep-4-${i}`));
    assert.deepEqual(filesIn(root).filter((name) => name.endsWith(".partial")), []);
  }));

/** The words of a line as a shell has them. */
const words = (line: string) => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);

Deno.test("molstep generate writes a record whose command makes the same file again, and whose counts and digests are the file's", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), out = join(root, "a.sdf.gz");
    await recordDigests(model);
    await done(model, `${QUICK} --backend wasm --heavy-atoms 3-4 --unique inchikey --include descriptors --first 5`, {
      out,
    });
    const record = await json(join(root, "a.sdf.gz.json")), [file] = record.files, text = await unzipped(out);
    const molecules = readSdf(text);
    assert.deepEqual([file.file, file.bytes], ["a.sdf.gz", (await Deno.stat(out)).size]);
    assert.equal(file.sha256, await sha256(out));
    assert.equal(file.molecules, molecules.length);
    assert.deepEqual([record.counts.drawn, record.counts.returned], [23, molecules.length]);
    assert.equal(record.model.weights[0].sha256, await sha256(join(model, record.model.weights[0].file)));
    assert.equal(molecules[0].data.weights, record.model.weights[0].sha256);
    assert.deepEqual([record.request.sampler, record.request.seed, record.request.first], ["ddpm", 4, 5]);

    const [deno, task, name, ...args] = words(record.command);
    assert.deepEqual([deno, task, name], ["deno", "task", "generate"]);
    assert.equal(args.at(-1), "a.sdf.gz");
    const again = join(root, "again"), to = join(again, "a.sdf.gz");
    await Deno.mkdir(again);
    const terminal: Terminal = {
      ...{ out: () => {}, error: () => {}, interactive: false, environment: {}, signal: new AbortController().signal },
    };
    assert.equal(await run(commands, [name, ...args.with(-1, to)], terminal), 0);
    assert.deepEqual(await Deno.readFile(to), await Deno.readFile(out));
    assert.deepEqual(await json(join(again, "a.sdf.gz.json")), record);
  }));

Deno.test("molstep generate --fixed draws about a part of a file, and writes a record whose command makes the same again without it", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), out = join(root, "a.sdf"), file = join(root, "part.mol");
    await Deno.writeTextFile(file, (await partOf("carboxyl")).molblock);
    await done(model, `--steps 2 --count 4 --seed 1 --sampler ddpm --fixed ${file} --fixed-atoms 1,2,3 --attach 1`, {
      out,
    });
    const molecules = readSdf(await Deno.readTextFile(out)),
      { molecule: { positions } } = readMolblock(await Deno.readTextFile(file));
    for (const { molecule, data } of molecules) {
      assert.equal(data.fixedAtoms, "3");
      molecule.positions.subarray(0, 9).forEach((value, k) => assert.ok(Math.abs(value - positions[3 + k]) < 1e-3));
    }
    await Deno.remove(file);
    const { command } = await json(`${out}.json`), args = words(command).slice(2), to = join(root, "b.sdf");
    const terminal = {
      out: () => {},
      error: () => {},
      interactive: false,
      environment: {},
      signal: new AbortController().signal,
    };
    assert.equal(await run(commands, args.with(-1, to), terminal), 0);
    assert.deepEqual(await Deno.readFile(to), await Deno.readFile(out));
    const { status, error } = await generate(model, "--steps 2 --attach 1", { out: join(root, "c.sdf") });
    assert.equal(status, 2);
    assert.match(error, /--attach needs --fixed; got none/);
  }));

Deno.test("molstep generate --parallel says what each molecule took, is in the record, and is refused beyond its bounds", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), out = join(root, "a.sdf"), quick = "--steps 6 --count 3 --sampler ddim";
    await done(model, `${quick} --parallel {"window":3}`, { out });
    for (const { data: { rounds, calls } } of readSdf(await Deno.readTextFile(out))) {
      assert.ok(Number(rounds) <= 6 && Number(calls) >= 6, `${rounds} ${calls}`);
    }
    const { request, command } = await json(`${out}.json`);
    assert.deepEqual(request.parallel, { window: 3, tolerance: 0.003 });
    assert.match(command, /--parallel '\{"window":3,"tolerance":0.003\}'/);
    const { status, error } = await generate(model, `${quick} --parallel {"window":1}`, { out: join(root, "b.sdf") });
    assert.equal(status, 2);
    assert.match(error, /--parallel: .*at least 2; got/s);
  }));

Deno.test("molstep generate writes over no file that is not its own record, and leaves nothing of a file that failed", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), out = join(root, "a.sdf"), mine = '{"my": "data"}';
    await Deno.writeTextFile(join(root, "a.sdf.json"), mine);
    const { status, error } = await generate(model, `${QUICK} --backend wasm`, { out });
    assert.equal(status, 1);
    assert.match(error, /a\.sdf\.json must be the record of a run, or not be there; got a file that is something else/);
    assert.equal(await Deno.readTextFile(join(root, "a.sdf.json")), mine);
    assert.deepEqual(filesIn(root), ["a.sdf.json", "qm9"]);
    const other = await generate(model, `${QUICK} --backend wasm --format ndjson`, { out: join(root, "b.json") });
    assert.equal(other.status, 2);
    assert.match(other.error, /--out must not end in \.json, as records do; got .*b\.json/);
    const stopped = new AbortController();
    stopped.abort();
    assert.equal(
      (await generate(model, `${QUICK} --backend wasm`, { out: join(root, "b.sdf"), signal: stopped.signal })).status,
      130,
    );
    assert.deepEqual(filesIn(root), ["a.sdf.json", "qm9"]);
  }));

Deno.test(
  "molstep generate says that the disk is full, with or without gzip, and goes on with a folder when there is room",
  {
    ignore: Deno.build.os !== "linux",
  },
  () =>
    withFolder(async (root) => {
      const model = await writeTinyModel(root);
      for (const form of ["sdf", "sdf.gz"]) {
        const { status, error } = await generate(model, `${QUICK} --backend wasm --format ${form}`, {
          out: "/dev/full",
        });
        assert.equal(status, 1, error);
        assert.match(error, /\/dev\/full needs room on the disk; got a full one \(No space left/);

        const out = join(root, `folder-${form}`);
        await stopAt(out, 3, form);
        const split = `${QUICK} --backend wasm --format ${form} --split 5`;
        const stopped = await generate(model, split, { out });
        assert.equal(stopped.status, 1);
        assert.match(stopped.error, /molstep-4-000003\.sdf.* needs room on the disk; got a full one/);
        assert.match(stopped.error, /2 of 5 chunks are finished; the same command goes on from there/);
        assert.deepEqual(filesIn(out), ["index.journal", `molstep-4-000001.${form}`, `molstep-4-000002.${form}`]);
        assert.match(await done(model, split, { out }), /2 of 5 chunks are finished already/);
        assert.equal((await json(join(out, "index.json"))).counts.drawn, 23);
      }
    }),
);

/** Makes a chunk's temporary name lead to a full disk, so that a run stops there. */
async function stopAt(out: string, chunk: number, form = "sdf"): Promise<void> {
  await Deno.mkdir(out, { recursive: true });
  await Deno.symlink("/dev/full", join(out, `molstep-4-00000${chunk}.${form}.partial`));
}

/** What tells one file from another of the same name. */
const inodes = (folder: string, ...chunks: number[]) =>
  chunks.map((chunk) => Deno.statSync(join(folder, `molstep-4-00000${chunk}.sdf`)).ino);

Deno.test({
  name: `molstep generate --split gives the same molecules whatever the split, whole or resumed`,
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      const model = await writeTinyModel(root);
      const options = `--count 300 --steps 2 --seed 4 --batch 16 --backend wasm`;
      await done(model, options, { out: join(root, "whole.sdf") });
      const whole = await Deno.readTextFile(join(root, "whole.sdf"));
      for (const [split, sizes] of [[110, [110, 110, 80]], [270, [270, 30]], [1000, [300]]] as const) {
        const out = join(root, `split-${split}`);
        await done(model, `${options} --split ${split}`, { out });
        assert.equal(await joined(out), whole);
        const { files, counts } = await json(join(out, "index.json"));
        assert.deepEqual(files.map(({ molecules }) => molecules), sizes);
        assert.deepEqual([counts.drawn, counts.returned], [300, 300]);
        assert.deepEqual(filesIn(out), ["index.json", "index.txt", ...files.map(({ file }) => file)]);
        for (const { file, sha256: digest } of files) assert.equal(await sha256(join(out, file)), digest);
      }

      const out = join(root, "resumed"), split = `${options} --split 110`;
      await stopAt(out, 3);
      assert.equal((await generate(model, split, { out })).status, 1);
      const before = inodes(out, 1, 2);
      // Killed while it wrote the next line: the half of it is passed over.
      await Deno.writeTextFile(join(out, "index.journal"), '{"counts":{"dra', { append: true });
      assert.match(await done(model, split, { out }), /2 of 3 chunks are finished already/);
      assert.deepEqual(inodes(out, 1, 2), before);
      assert.equal(await joined(out), whole);
      const [one, other] = await Promise.all(
        [out, join(root, "split-110")].map((at) => json(join(at, "index.json"))),
      );
      assert.deepEqual({ ...one, command: "" }, { ...other, command: "" });

      // Nothing is drawn when all is there; what is missing is.
      const all = inodes(out, 1, 2, 3);
      assert.match(await done(model, split, { out }), /3 of 3 chunks are finished already/);
      assert.deepEqual(inodes(out, 1, 2, 3), all);
      await Deno.remove(join(out, "molstep-4-000002.sdf"));
      assert.doesNotMatch(await done(model, split, { out }), /already/);
      assert.equal(await joined(out), whole);
    }),
});

Deno.test({
  name:
    "molstep generate --split keeps one of the same molecules in the whole folder, also when it goes on, and takes over a seed that was drawn",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      const model = await writeTinyModel(root), options = "--count 40 --steps 2 --backend wasm --unique true";
      await done(model, `${options} --seed 4`, { out: join(root, "whole.sdf") });
      const whole = await Deno.readTextFile(join(root, "whole.sdf"));
      const out = join(root, "folder");
      await stopAt(out, 3);
      assert.equal((await generate(model, `${options} --seed 4 --split 9`, { out })).status, 1);
      const said = await done(model, `${options} --split 9`, { out });
      assert.match(said, /2 of 5 chunks are finished already\n[^]* seed 4, wasm;/);
      assert.equal(await joined(out), whole);
      const { counts, files } = await json(join(out, "index.json"));
      assert.deepEqual(counts, (await json(join(root, "whole.sdf.json"))).counts);
      assert.ok(counts.returned < 40);
      assert.equal(files.reduce((sum, { molecules }) => sum + molecules, 0), counts.returned);
    }),
});

Deno.test("molstep generate --filter sound writes sound molecules alone, as --include judge finds them", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), asked = "--count 30 --steps 2 --seed 4 --backend wasm --decoding valence";
    const all = join(root, "all.sdf"), kept = join(root, "kept.sdf");
    await done(model, `${asked} --include judge`, { out: all });
    await done(model, `${asked} --filter sound`, { out: kept });
    const told = (text: string) => readSdf(text).map(({ data: { index, sound } }) => ({ index, sound }));
    const expected = told(await Deno.readTextFile(all)).filter(({ sound }) => sound === "true");
    assert.ok(expected.length > 0 && expected.length < 30, String(expected.length));
    assert.deepEqual(told(await Deno.readTextFile(kept)), expected);
    assert.equal((await json(`${kept}.json`)).counts.returned, expected.length);
  }));

Deno.test("molstep generate --where and --want write so many that pass, from JSON or a file, and the record tells of the rest", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), asked = "--steps 2 --seed 4 --backend wasm --decoding valence";
    const where = JSON.stringify({ molecularWeight: { max: 60 }, forbidden: ["[#7]~[#7]"] }),
      file = join(root, "where.json");
    await Deno.writeTextFile(file, where);
    const all = join(root, "all.sdf"), some = join(root, "some.sdf"), again = join(root, "again.sdf");
    await done(model, `${asked} --count 40 --where ${where}`, { out: all });
    const expected = readSdf(await Deno.readTextFile(all)), want = expected.length - 1;
    assert.ok(want > 1 && want < 39);
    assert.match(await done(model, `${asked} --want ${want} --where ${file}`, { out: some }), /rejected: \d+ /);
    const found = readSdf(await Deno.readTextFile(some));
    assert.deepEqual(found.map(({ data }) => data), expected.slice(0, want).map(({ data }) => data));
    const { counts: { drawn, returned, rejected, ended }, command } = await json(`${some}.json`);
    assert.deepEqual([returned, ended, drawn], [want, "want", Number(found.at(-1)!.data.index) + 1]);
    assert.equal(Object.values(rejected!).reduce((sum, n) => sum + n, 0), drawn - want);
    const options = /generate --model \S+ (.*) --out/.exec(command)![1].replaceAll("'", "");
    await done(model, options, { out: again });
    assert.equal(await Deno.readTextFile(again), await Deno.readTextFile(some));
    for (
      const [options, message] of [
        ["--want 2 --count 3", /--count and --want exclude each other/],
        ["--max-draws 3", /--max-draws needs --want/],
        ["--want 3 --max-draws 2", /--max-draws must be at least --want, 3; got 2/],
        ["--want 3 --split 2", /--split and --want exclude each other/],
        ['--where {"forbidden":["C1CC"]}', /where\/forbidden\/0 must be SMARTS; got "C1CC": unclosed ring/],
        ['--where {"logp":{"max":1}}', /unknown key logp; allowed are .*logP/],
      ] as const
    ) {
      const { status, error } = await generate(model, `${asked} ${options}`, { out: join(root, "none") });
      assert.equal(status, 2);
      assert.match(error, message);
    }
  }));

Deno.test("molstep generate --split writes no file for a chunk that the filter empties", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root, { sizes: { "1": 1 } }), out = join(root, "folder");
    // Of one heavy atom there are few molecules, and 40 chunks.
    await done(model, "--count 200 --steps 2 --seed 4 --backend wasm --unique true --split 5", { out });
    const { files, counts } = await json(join(out, "index.json"));
    assert.ok(files.length > 0 && files.length <= counts.returned && counts.returned < 40, JSON.stringify(counts));
    assert.deepEqual(filesIn(out), ["index.json", "index.txt", ...files.map(({ file }) => file)]);
    assert.equal(readSdf(await joined(out)).length, counts.returned);
  }));

Deno.test("molstep generate --split refuses a folder of another run, one that is being filled, stdout, and chunks without number", () =>
  withFolder(async (root) => {
    const model = await writeTinyModel(root), out = join(root, "folder"), split = `${QUICK} --backend wasm --split 10`;
    await done(model, split, { out });
    const before = filesIn(out);
    const fault = async (options: string, to = out) => {
      const { status, error } = await generate(model, options, { out: to });
      assert.notEqual(status, 0);
      return error;
    };
    assert.match(
      await fault(split.replace("--steps 2", "--steps 3")),
      /folder must be of the same run, or empty; got one of another: steps 2 there, 3 asked/,
    );
    assert.match(await fault(`${split} --filter stable`), /filter "none" there, "stable" asked/);
    assert.deepEqual(filesIn(out), before);
    assert.match(await fault(split, "-"), /--split needs the folder --out; got -/);
    assert.match(
      await fault("--count 10000000 --split 1 --backend wasm", join(root, "other")),
      /at most 999999 chunks/,
    );

    const busy = join(root, "busy");
    await Deno.mkdir(busy);
    const file = await Deno.open(join(busy, "index.journal"), { write: true, create: true });
    await file.lock(true);
    assert.match(await fault(split, busy), /busy must be one process's alone; got one that is in use/);
    file.close();
  }));
