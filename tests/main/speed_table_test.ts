import assert from "node:assert/strict";
import { join } from "node:path";
import { type BenchResult, CLAIMING, claimsOf, columnOf, figure } from "../../main/speed_claims.ts";
import { type BenchRun, readBenchRun, readBenchRuns, speedTable } from "../../main/speed_table.ts";
import { type EngineName, ENGINES } from "../../bench/subject.ts";
import { type RuntimeName, RUNTIMES } from "../../model/engines/runtimes.ts";
import { withFolder } from "../model/tiny_model.ts";

const machine = { cpu: "Abacus", cores: 2, memoryGiB: 4, os: "linux", deno: "2.9.6" };

const run = (name: string, date: string, results: BenchResult[], changes: Partial<BenchRun> = {}): BenchRun => ({
  name,
  command: "deno task bench",
  date,
  commit: "0123456789abcdef",
  machine,
  load: 0.04,
  results: results.map(({ rows, ...result }) => ({ ...result, settings: { ...result.settings }, rows: [...rows] })),
  ...changes,
});

const engine = (native: number | null): BenchResult => ({
  bench: "pair-attention",
  settings: { rounds: 3, seconds: 2 },
  rows: [
    { batch: 128, backend: "native engine", "molecule-steps/s": native, ratio: native && native / 100, note: "" },
    { batch: 128, backend: "tfjs wasm", "molecule-steps/s": 100, ratio: 1, note: "ratios are to this row" },
  ],
});

const start: BenchResult = {
  bench: "start",
  settings: { rounds: 3 },
  rows: [{ backend: "wasm", "first molecule ms": 631.28, "slowest ms": 699.1 }],
};

Deno.test("figure() has three significant digits and sets thousands apart", () => {
  assert.deepEqual([3019.7, 0.03456, 12].map(figure), ["3,020", "0.035", "12"]);
});

Deno.test("columnOf() knows runtimes and places, and not what has no column", () => {
  assert.deepEqual(["wasm", "native engine", "webgpu engine", "GeoLDM"].map(columnOf), [
    "WebAssembly",
    "native",
    "GPU",
    "PyTorch",
  ]);
  assert.equal(columnOf("tfjs wasm"), undefined);
  // The names are those that the bench writes, and a backend of the service has the column of its engine.
  for (const [engine, column] of [["wasm", "WebAssembly"], ["native", "native"], ["webgpu", "GPU"]] as const) {
    const place: EngineName = `${engine} engine`, backend: RuntimeName = engine;
    assert.ok(ENGINES.includes(place) && RUNTIMES.includes(backend));
    assert.deepEqual([columnOf(place), columnOf(backend)], [column, column]);
  }
});

Deno.test("speedTable() takes each bench from the newest run that measured it, and says which run that was", () => {
  const table = speedTable([
    run("old.json", "2026-01-01T00:00:00.000Z", [engine(1000), start]),
    run("new.json", "2026-01-02T00:00:00.000Z", [engine(3019.7)], { command: "deno task bench engine" }),
    run("newest.json", "2026-01-03T00:00:00.000Z", [{ ...start, rows: [{ backend: "wasm", note: "broke" }] }]),
  ]);
  const lines = table.split("\n");
  assert.equal(lines[0], "On Abacus, 2 cores, 4 GiB, linux:");
  assert.equal(lines[2], "|  | WebAssembly | native | measured over | part |");
  assert.match(
    lines[4],
    /batch 128 \(ratio to TensorFlow\.js's wasm\) \| {2}\| 3,020 \(x 30\.2\) \| 3 rounds of 2 s \| `engine` \[1\]/,
  );
  assert.match(lines[5], /first molecule .*\| 631 \(699\) ms \| {2}\| 3 starts \| `start` \[2\]/);
  assert.match(lines[7], /^1\. `deno task bench engine`, 2026-01-02, commit 0123456, .*load 0\.0 .*new\.json`/);
  assert.match(lines[8], /^2\. .*old\.json`/);
  assert.equal(lines.length, 9);
});

Deno.test("speedTable() keeps machines apart, and says where nothing was measured", () => {
  const other = { machine: { ...machine, cpu: "Loom" } };
  const table = speedTable([
    run("a.json", "2026-01-01T00:00:00.000Z", [start]),
    run("b.json", "2026-01-02T00:00:00.000Z", [start], other),
  ]);
  assert.deepEqual(table.match(/^On .*:$/gm), ["On Loom, 2 cores, 4 GiB, linux:", "On Abacus, 2 cores, 4 GiB, linux:"]);
  assert.equal(
    speedTable([run("c.json", "2026-01-01T00:00:00.000Z", [engine(null)])]),
    "Nothing has been measured yet.",
  );
});

Deno.test("claimsOf() tells molecules with those that are valid, unique and stable, and leaves out what was not measured", () => {
  const row = {
    steps: 8,
    decoding: "argmax",
    backend: "wasm engine",
    n: 256,
    "molecules/s": 130,
    "valid-unique-stable/s": 104,
  };
  const claims = claimsOf({
    bench: "molecules",
    settings: { rounds: 3 },
    rows: [row, { ...row, backend: "native engine", n: null, "molecules/s": null }, {
      ...row,
      steps: 16,
      n: null,
      "molecules/s": null,
    }],
  });
  assert.equal(claims.length, 1);
  assert.deepEqual(claims[0].values, { WebAssembly: "130 (104)" });
  assert.equal(claims[0].n, "256 molecules");
});

Deno.test("readBenchRun() refuses what holds no results, and readBenchRuns() reads a folder", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.json");
    await Deno.writeTextFile(path, JSON.stringify({ ...run("", "2026-01-01T00:00:00.000Z", [start]), versions: {} }));
    const [read] = await readBenchRuns(folder);
    assert.deepEqual([read.name, read.results.length, CLAIMING.includes(read.results[0].bench)], ["a.json", 1, true]);
    await Deno.writeTextFile(path, "{}");
    await assert.rejects(readBenchRun(path), /a\.json holds no results/);
    await Deno.writeTextFile(path, "{");
    await assert.rejects(readBenchRun(path), TypeError);
    assert.deepEqual(await readBenchRuns(join(folder, "none")), []);
  });
});
