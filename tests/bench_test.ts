import assert from "node:assert/strict";
import { openIfThere } from "../chem/data_sets.ts";
import { methodOf } from "../model/distillation/methods/mod.ts";
import { conditions } from "../bench/conditions.ts";
import { readLines } from "../model/service/jobs/lines.ts";
import { ask } from "../bench/clients.ts";
import { benchDenoiser } from "../bench/denoiser.ts";
import { benchDistill } from "../bench/distill.ts";
import { TIMED_METHODS } from "../bench/distillation.ts";
import { benchMemory, peakMemory } from "../bench/memory.ts";
import { PARTS, readBenchOptions, usage } from "../bench/options.ts";
import { benchSharing, rowsOf } from "../bench/sharing.ts";
import { benchStart } from "../bench/start.ts";
import { median, pairedRatio, relativeDifference, spread, takeTurns } from "../bench/statistics.ts";
import { openSubject } from "../bench/subject.ts";
import { startSubject } from "../bench/subject_process.ts";
import { formatResult, formatTable, quantiles } from "../bench/table.ts";
import { noteOn, throughput } from "../bench/throughput.ts";
import { trainingBatch } from "../bench/training_batch.ts";
import { UsageError } from "../main/options.ts";
import { heavyAtomSpace } from "../model/networks/heavy_atom/space.ts";
import { latentLength } from "../model/diffusion/latent.ts";
import { hasCompiler } from "./model/engines/c/compiler.ts";
import { withFolder, writeTinyModel } from "./model/tiny_model.ts";
import { withoutQm9 } from "./model/without_qm9.ts";

const tiny = { type: "pair-attention", nodes: 3, width: 16, blocks: 1 } as const;

Deno.test("median() takes the middle, or the mean of the middle two", () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 100]), 3.5);
  assert.throws(() => median([]), /at least one value/);
});

Deno.test("spread() is the range as a share of the median", () => {
  assert.equal(spread([2, 3, 4]), 2 / 3);
  assert.equal(spread([7]), 0);
});

Deno.test("pairedRatio() does not see a machine that slows down for both", () => {
  const slowing = [1, 0.5, 0.1];
  assert.equal(pairedRatio(slowing.map((speed) => 300 * speed), slowing.map((speed) => 100 * speed)), 3);
  assert.throws(() => pairedRatio([1, 2], [1]), /got 2 and 1/);
});

Deno.test("relativeDifference() is a share of the largest value, and NaN where a value is", () => {
  assert.equal(relativeDifference([1, 2, -4], [1, 1, -4]), 0.25);
  assert.ok(Number.isNaN(relativeDifference([1, NaN], [1, 2])));
});

Deno.test("takeTurns() goes A B A B and leaves out who failed", async () => {
  const order: string[] = [];
  const candidate = (name: string, fails = Infinity) => ({
    name,
    round() {
      order.push(name);
      const mine = order.filter((one) => one === name).length;
      return mine > fails ? Promise.reject(new Error("broke")) : Promise.resolve(mine);
    },
  });
  const results = await takeTurns([candidate("A"), candidate("B", 1)], 3);
  assert.equal(order.join(""), "ABABA");
  assert.deepEqual(results.get("A"), [1, 2, 3]);
  assert.match(String(results.get("B")), /broke/);
  await assert.rejects(takeTurns([], 0), /rounds must be at least 1; got 0/);
});

Deno.test("quantiles() gives median, 95th and 99th percentile", () => {
  assert.deepEqual(quantiles(Array.from({ length: 100 }, (_, i) => 100 - i)), { median: 51, p95: 96, p99: 100 });
});

Deno.test("formatTable() aligns numbers right and words left, three digits, - for what is absent", () => {
  assert.equal(
    formatTable([{ backend: "wasm", rate: 1234.5, note: "" }, { backend: "native", rate: null, note: "no compiler" }]),
    ["backend  rate  note", "wasm     1230", "native      -  no compiler"].join("\n"),
  );
});

Deno.test("formatResult() ends in one line of JSON that holds the result unrounded", () => {
  const result = { bench: "x", settings: { batch: 2 }, rows: [{ rate: 1 / 3 }] };
  const last = formatResult(result).split("\n").at(-1)!;
  assert.deepEqual(JSON.parse(last), result);
});

Deno.test("readLines() joins what chunks cut, and gives a last line without an end", async () => {
  const chunks = ["a", "b\nc", "\n", "é"].map((text) => new TextEncoder().encode(text));
  const cut = [...chunks.slice(0, 3), chunks[3].slice(0, 1), chunks[3].slice(1)];
  assert.deepEqual(await Array.fromAsync(readLines(ReadableStream.from(cut))), ["ab", "c", "é"]);
});

Deno.test("readBenchOptions() takes parts by --only and by name, and refuses what it does not know", () => {
  const options = readBenchOptions(["memory", "--only", "engine,train", "--seconds", "0.5"]);
  assert.deepEqual(options.only, ["engine", "train", "memory"]);
  assert.equal(options.seconds, 0.5);
  assert.deepEqual(readBenchOptions([]).only, PARTS.filter((part) => part !== "denoiser"));
  assert.deepEqual(readBenchOptions(["sizes"]).only, ["sizes"]);
  assert.deepEqual(readBenchOptions(["--ladder", "4,8"]).ladder, [4, 8]);
  assert.deepEqual(readBenchOptions(["--backend", "wasm", "--backend", "native"]).backends, ["wasm", "native"]);
  assert.equal(readBenchOptions([]).backends, undefined);
  assert.deepEqual([readBenchOptions(["--out", "-"]).out, readBenchOptions([]).out], [null, undefined]);
  assert.match(usage(), /Usage: deno task bench \[PART \.\.\.\] \[options\]\n[^]*--memory-steps N/);
  for (
    const [args, message] of [
      [["--clients", "1,none"], /--clients 1,none: must be a whole number/],
      [["--clients", "1,0"], /--clients 1,0: must be at least 1; got 0/],
      [
        ["--only", "engine,speed"],
        /--only engine,speed: must be one of engine, kernel, sizes, molecules, train.*; got "speed"/,
      ],
      [["speed"], /--only speed: /],
      [["--backend", "abacus"], /--backend abacus: must be one of .*native.*; got "abacus"/],
      [["--rounds", "2.5"], /--rounds 2.5: must be a whole number/],
      [["--seconds", "0"], /--seconds 0: must be above 0/],
      [["--seconds", "-1"], /--seconds/],
      [["--fast"], /--fast.*; allowed are --only, --seconds/],
    ] as const
  ) {
    assert.throws(() => readBenchOptions(args), (error) => error instanceof UsageError && message.test(error.message));
  }
});

Deno.test("conditions() tells date, machine and exact versions", async () => {
  const { date, machine, versions, commit } = await conditions();
  assert.ok(Math.abs(Date.parse(date) - Date.now()) < 60_000);
  assert.ok(machine.cores >= 1 && machine.memoryGiB >= 1);
  assert.equal(versions.deno, Deno.version.deno);
  assert.match(versions["@tensorflow/tfjs"], /^\d+\.\d+\.\d+$/);
  if (commit !== null) assert.match(commit, /^[0-9a-f]{40}(\+changes)?$/);
});

Deno.test("peakMemory() is at least what is resident, and null for a process that is not there", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  assert.equal(await peakMemory(2 ** 30), null);
  const before = (await peakMemory(Deno.pid))!, resident = Deno.memoryUsage().rss / 2 ** 20;
  assert.ok(before >= 0.9 * resident, `${before} MiB of ${resident}`);
});

Deno.test("trainingBatch() has one class a node and one bond order a pair, and reproduces itself", () => {
  const space = heavyAtomSpace(), shape = { batch: 2, nodes: 3 }, { target, z } = trainingBatch(shape);
  assert.equal(target.length, 2 * latentLength(space, 3));
  const count = (from: number, to: number) => target.subarray(from, to).filter((value) => value === 0.5).length;
  for (let i = 0; i < 3; i++) assert.equal(count(21 * i + 9, 21 * i + 21), 1);
  for (let pair = 0; pair < 9; pair++) {
    assert.equal(count(63 + 4 * pair, 67 + 4 * pair), pair % 4 === 0 ? 0 : 1);
  }
  assert.deepEqual(trainingBatch(shape).z, z);
});

Deno.test("openSubject() gives equal samples by the engine and by TensorFlow.js", async () => {
  const sample = async (type: "pair-attention" | "egnn", place: "wasm engine" | "tfjs cpu") => {
    const subject = await openSubject({ ...tiny, type, place });
    try {
      return await subject.prepare(2)();
    } finally {
      subject.close();
    }
  };
  for (const type of ["pair-attention", "egnn"] as const) {
    const ours = await sample(type, "wasm engine"), reference = await sample(type, "tfjs cpu");
    assert.ok(Math.max(...reference.map(Math.abs)) > 0.1);
    assert.ok(relativeDifference(ours, reference) < 1e-4);
  }
});

Deno.test("openSubject() says what it cannot open", async () => {
  await assert.rejects(openSubject({ ...tiny, type: "training", place: "wasm engine" }), /does not train/);
  await assert.rejects(openSubject({ ...tiny, place: "tfjs cpu", nodes: 0 }), /nodes must be at least 1; got 0/);
});

Deno.test("startSubject() measures in a process of its own, and reports errors of its own by their message", async () => {
  const process = await startSubject({ ...tiny, place: "tfjs cpu" }, 60);
  try {
    const { calls, seconds, sample } = await process.measure({ batch: 2, seconds: 0.05 });
    assert.ok(calls >= 1 && seconds >= 0.05);
    assert.ok(sample.length > 0 && sample.every(Number.isFinite));
    await assert.rejects(process.measure({ batch: -1, seconds: 0 }), /batch must be at least 1; got -1/);
    assert.ok((await process.measure({ batch: 1, seconds: 0 })).calls === 1);
  } finally {
    await process.close();
  }
  await assert.rejects(startSubject({ ...tiny, type: "training", place: "wasm engine" }, 60), /does not train/);
});

Deno.test("noteOn() calls a result wrong that differs by more than rounding, or is no number", () => {
  assert.equal(noteOn(1e-6), "");
  assert.match(noteOn(2e-4), /^WRONG/);
  assert.match(noteOn(NaN), /^WRONG/);
});

Deno.test("throughput() gives rates, ratios and differences of a tiny network, and why a row is left out", async () => {
  const { rows } = await throughput({
    bench: "tiny",
    subject: tiny,
    places: ["wasm engine", "tfjs cpu"],
    batches: [1, 1_000_000],
    reference: "tfjs cpu",
    rate: { name: "molecule-steps/s", each: (batch) => batch },
    rounds: 2,
    seconds: 0.05,
    limit: 30,
  });
  assert.deepEqual(rows.map(({ batch, backend }) => `${batch} ${backend}`).slice(0, 2), [
    "1 wasm engine",
    "1 tfjs cpu",
  ]);
  const [engine, cpu, ...large] = rows;
  assert.equal(cpu.ratio, 1);
  assert.equal(cpu.difference, 0);
  assert.ok(Number(engine["molecule-steps/s"]) > 0 && Number(engine.ratio) > 0);
  assert.ok(Number(engine.difference) < 1e-4);
  assert.match(String(large[1].note), /^left out: about .* s a call$/);
  assert.equal(large[1]["molecule-steps/s"], null);
});

Deno.test("benchStart() times a service that starts, and says why one does not", async () => {
  await withFolder(async (root) => {
    await writeTinyModel(root);
    const { rows } = await benchStart({ root, model: "qm9", weights: "random", backends: ["wasm"], rounds: 1 });
    const [{ "listening ms": listening, "ready ms": ready, "first molecule ms": first, ratio }] = rows;
    assert.ok(Number(listening) > 0 && Number(listening) <= Number(ready) && Number(ready) < Number(first));
    assert.equal(ratio, 1);
    await Deno.remove(`${root}/qm9/denoiser.safetensors`);
    const broken = await benchStart({ root, model: "qm9", weights: "none", backends: ["wasm"], rounds: 1 });
    assert.equal(broken.rows[0]["ready ms"], null);
    assert.match(String(broken.rows[0].note), /the service ended/);
  });
});

Deno.test("benchMemory() gives a service's peak and its molecules a second", async () => {
  await withFolder(async (root) => {
    await writeTinyModel(root);
    const { rows } = await benchMemory({
      root,
      model: "qm9",
      weights: "random",
      backends: ["wasm"],
      count: 20,
      steps: 2,
      rounds: 1,
    });
    const [{ "molecules/s": rate, "generate molecules/s": generate, "peak MiB": peak, "MiB before": before, note }] =
      rows;
    assert.equal(note, "ratios are to this row");
    assert.ok(Number(rate) > Number(generate) && Number(generate) > 0);
    if (Deno.build.os === "linux") assert.ok(Number(peak) >= Number(before) && Number(before) > 20);
  });
});

Deno.test("benchDenoiser() gives a model's own molecule-steps a second, and why a backend does not work", async () => {
  await withFolder(async (root) => {
    const folder = await writeTinyModel(root);
    const { rows, settings } = await benchDenoiser({
      folder,
      model: "qm9",
      weights: "test",
      backends: ["wasm", "cpu"],
      nodes: 3,
      batch: 2,
      rounds: 1,
      seconds: 0.02,
      limit: 60,
    });
    assert.deepEqual(rows.map(({ backend }) => backend), ["wasm engine", "tfjs cpu"]);
    assert.ok(rows.every((row) => Number(row["molecule-steps/s"]) > 0 && Number(row.difference) < 1e-4));
    assert.equal(settings.model, "qm9");
  });
});

Deno.test("benchDistill() times updates of each method beside their parts, and says who does not train", async () => {
  await withFolder(async (root) => {
    const folder = await writeTinyModel(root, { recommended: [{ steps: 2, sampler: "ddpm" }] });
    const { rows } = await benchDistill({
      folder,
      model: "qm9",
      weights: "test",
      places: [hasCompiler ? "native engine" : "tfjs cpu", "wasm engine"],
      batches: [2],
      rounds: 2,
      seconds: 0,
      limit: 60,
    });
    const methods = rows.slice(0, TIMED_METHODS.length), [training, wasm] = rows.slice(TIMED_METHODS.length);
    assert.deepEqual(rows.map(({ method }) => method), [...TIMED_METHODS, "training", "-"]);
    const noData = await openIfThere() === undefined;
    for (const row of methods) {
      // A method that learns from a set is timed on QM9.
      if (noData && methodOf(row.method as typeof TIMED_METHODS[number]).takesData) continue;
      assert.equal(row.note, "");
      assert.ok(Number(row["batch ms"]) > 0 && Number(row["learn ms"]) > 0 && Number(row["update / parts"]) > 0);
      assert.ok(Math.abs(Number(row["updates/s"]) * Number(row["ms an update"]) - 1000) < 1e-6);
    }
    assert.ok(Number(training["updates/s"]) > 0 || training.note === "QM9 is not here");
    assert.match(String(wasm.note), /does not train/);
  });
});

Deno.test("ask() lets each client make its requests one after the other", async () => {
  let now = 0, most = 0;
  const seeds: number[] = [];
  const service = {
    async generate({ count, seed }: { count: number; seed: number }) {
      most = Math.max(most, ++now);
      seeds.push(seed);
      await Promise.resolve();
      now--;
      return { returned: count, backend: "", timings: {}, metrics: {} };
    },
  };
  const seen = await ask(service, { count: 5, steps: 2, clients: 3, more: (made) => made < 4 });
  assert.equal(most, 3);
  assert.deepEqual([seen.times.length, seen.molecules, new Set(seeds).size], [12, 60, 12]);
});

Deno.test("rowsOf() compares what was seen during a round with what was seen before and after", () => {
  const seen = (ms: number, updates?: number) => ({ times: [ms, ms], seconds: 10, molecules: 10000 / ms, updates });
  const rows = rowsOf(
    { count: 1, steps: 8, clients: 1 },
    [seen(10), seen(30), seen(10)],
    [seen(40, 3), seen(20, 5)],
    [2, 2],
  );
  const [before, during, after] = rows;
  assert.deepEqual(rows.map(({ phase }) => phase), ["before", "during", "after"]);
  assert.deepEqual([before.requests, during.requests, after.requests], [4, 4, 4]);
  assert.equal(during["p50 ratio"], (40 / 20 + 20 / 20) / 2);
  assert.equal(during["updates/s"], 8 / 20);
  assert.equal(during["round's share"], 0.2);
  assert.equal(before["updates/s"], null);
});

Deno.test("benchSharing() measures a service before, during and after a round", async () => {
  await withFolder(async (root) => {
    await writeTinyModel(root, { recommended: [{ steps: 2, sampler: "ddpm" }] });
    const options = { root, model: "qm9", weights: "test", backend: "wasm", rounds: 1, window: 1 } as const;
    const { rows } = await withoutQm9(() => benchSharing(options));
    assert.deepEqual(rows.map(({ phase }) => phase), Array(4).fill(["before", "during", "after"]).flat());
    assert.ok(rows.every((row) => Number(row["molecules/s"]) > 0));
    assert.ok(rows.every(({ alone, phase }) => phase === "during" ? Number(alone) > 0 : alone === null));
  });
});
