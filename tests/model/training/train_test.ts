import assert from "node:assert/strict";
import { readCard } from "../../../model/models/card.ts";
import { readSafetensors } from "../../../model/diffusion/safetensors.ts";
import { CHECKPOINT, loadCheckpoint, PREVIOUS, saveCheckpoint } from "../../../model/training/checkpoint.ts";
import { learningCurve } from "../../../model/training/curve.ts";
import { DENOISER_FILE, exportModel } from "../../../model/training/export.ts";
import type { Learner } from "../../../model/diffusion/learner.ts";
import { openLossLog, readLossRows } from "../../../model/training/loss_log.ts";
import { createProgress, progressLine } from "../../../model/training/progress.ts";
import { emaDecay, rateFactor } from "../../../model/training/schedule.ts";
import { DivergedError } from "../../../model/training/train.ts";
import { tinyGroups, tinyLearner, tinyRun } from "./tiny_run.ts";

/** Runs a test in a folder of its own that is removed afterwards. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "molstep-training-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const stateOf = async (folder: string) => (await loadCheckpoint(folder))!.state.tensors;

Deno.test("train() gives the same weights when it is stopped and resumed as when it is not", () =>
  inFolder(async (folder) => {
    const whole = await tinyRun(`${folder}/a`, { updates: 6 });
    assert.deepEqual([whole.update, whole.finished], [6, true]);
    const stop = new AbortController();
    const part = await tinyRun(`${folder}/b`, {
      updates: 6,
      signal: stop.signal,
      onProgress: ({ update }) => update === 3 && stop.abort(),
    });
    assert.deepEqual([part.update, part.finished], [3, false]);
    const rest = await tinyRun(`${folder}/b`, { updates: 6, resume: true });
    assert.equal(rest.update, 6);
    const a = await stateOf(`${folder}/a`), b = await stateOf(`${folder}/b`);
    assert.ok(a.size > 60);
    assert.deepEqual([...a.keys()], [...b.keys()]);
    for (const [name, { data }] of a) assert.deepEqual(data, b.get(name)!.data, name);
    assert.equal(rest.validation, whole.validation);
  }));

Deno.test("train() goes on after kill -9 and ends with the weights of a run that was not killed", () =>
  inFolder(async (folder) => {
    const program = new URL("./tiny_run.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", program, folder, "100000"],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let seen = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      seen += chunk;
      if (seen.split("\n").length > 4) {
        child.kill("SIGKILL");
        break;
      }
    }
    await child.status;
    const saved = await loadCheckpoint(folder);
    assert.ok(saved && saved.update >= 3, `${saved?.update}`);
    // The rate follows the share of the run that is over; with so many updates asked, it is the warm-up alone that counts.
    const stop = (at: number) => {
      const controller = new AbortController();
      return {
        signal: controller.signal,
        onProgress: ({ update }: { update: number }) => update >= at && controller.abort(),
      };
    };
    const end = saved.update + 2;
    await tinyRun(folder, { updates: 100_000, resume: true, ...stop(end) });
    await tinyRun(`${folder}/whole`, { updates: 100_000, ...stop(end) });
    const a = await stateOf(folder), b = await stateOf(`${folder}/whole`);
    for (const [name, { data }] of a) assert.deepEqual(data, b.get(name)!.data, name);
  }));

Deno.test("train() writes losses, and drops rows after the checkpoint when it resumes", () =>
  inFolder(async (folder) => {
    await tinyRun(folder, { updates: 4 });
    const rows = await readLossRows(`${folder}/losses.csv`);
    assert.deepEqual(rows.map(({ update, molecules }) => [update, molecules]), [[2, 8], [4, 16]]);
    for (const { losses } of rows) {
      assert.ok(Math.abs(losses.total - losses.positions - losses.scalars - losses.bonds) < 1e-3 * losses.total);
    }
    await Deno.writeTextFile(`${folder}/losses.csv`, "6,1.0,24,0.1,1,1,1,1,\n8,1.0,3", { append: true });
    await tinyRun(folder, { updates: 8, resume: true });
    const later = await readLossRows(`${folder}/losses.csv`);
    assert.deepEqual(later.map(({ update }) => update), [2, 4, 6, 8]);
    assert.deepEqual(later.slice(0, 2), rows);
    assert.notEqual(later[2].losses.total, 1);
  }));

Deno.test("train() measures the held-out loss and ends by minutes, counted over resumes", () =>
  inFolder(async (folder) => {
    let now = 0;
    const clock = () => now += 5; // seconds at each look
    const result = await tinyRun(folder, { minutes: 3, clock, validateSeconds: 60 });
    assert.ok(result.finished && result.seconds >= 180 && result.seconds < 240, `${result.seconds}`);
    assert.ok(Number.isFinite(result.validation!));
    const rows = await readLossRows(`${folder}/losses.csv`);
    assert.ok(rows.filter(({ validation }) => validation !== undefined).length >= 2);
    const again = await tinyRun(folder, { minutes: 3, clock, resume: true });
    assert.equal(again.update, result.update);
  }));

Deno.test("train() does not count time in which the process was stopped while an update ran", () =>
  inFolder(async (folder) => {
    let now = 0, updates = 0;
    // The process is stopped for an hour while the third update runs, and the next batch is made.
    const makeGroups = (update: number) => {
      if (update === 3) now += 3600;
      updates = update;
      return tinyGroups(update);
    };
    const result = await tinyRun(folder, { minutes: 3, clock: () => now += 1, makeGroups });
    assert.ok(result.seconds >= 180 && result.seconds < 240, `${result.seconds}`);
    assert.ok(updates > 6, `${updates}`);
  }));

Deno.test("train() refuses a folder in use, a resume with other settings and a run without an end", () =>
  inFolder(async (folder) => {
    await tinyRun(folder, { updates: 1 });
    await assert.rejects(tinyRun(folder, { updates: 2 }), /holds a run of 1 updates: resume it or name another/);
    await assert.rejects(
      tinyRun(folder, { updates: 2, resume: true, settings: {} }),
      /settings must be those of the run in .*; got {}/,
    );
    await assert.rejects(tinyRun(`${folder}/new`, {}), /must have minutes or updates; got neither/);
    await assert.rejects(tinyRun(`${folder}/new`, { updates: -1 }), /updates must be above 0; got -1/);
  }));

Deno.test("train() throws DivergedError and keeps the last good checkpoint when the loss is no number", () =>
  inFolder(async (folder) => {
    const real = await tinyLearner();
    let calls = 0;
    const learner: Learner = {
      ...real,
      update: async (groups, rates) => {
        const losses = await real.update(groups, rates);
        return ++calls === 3 ? { ...losses, total: NaN } : losses;
      },
    };
    await assert.rejects(
      tinyRun(folder, { updates: 9, checkpointSeconds: 0, learner }),
      (error) => error instanceof DivergedError && /the loss of update 2 is NaN/.test(error.message),
    );
    assert.equal((await loadCheckpoint(folder))!.update, 2);
    real.dispose();
  }));

Deno.test("loadCheckpoint() takes the previous checkpoint when the newest is cut short or missing, with why, and says so when none is whole", () =>
  inFolder(async (folder) => {
    assert.equal(await loadCheckpoint(folder), undefined);
    for (const update of [1, 2]) {
      const tensors = new Map([["params/a", { shape: [2], data: new Float32Array([update, 7]) }]]);
      await saveCheckpoint(folder, {
        state: { tensors },
        update,
        seconds: update * 1.5,
        backends: ["cpu"],
        settings: "{}",
      });
    }
    const newest = await loadCheckpoint(folder);
    assert.deepEqual([newest!.update, newest!.seconds, newest!.backends], [2, 3, ["cpu"]]);
    assert.equal(newest!.passedOver, undefined);
    await Deno.rename(`${folder}/${CHECKPOINT}`, `${folder}/kept`);
    assert.match(
      (await loadCheckpoint(folder))!.passedOver!,
      /checkpoint\.safetensors is missing; checkpoint\.previous/,
    );
    await Deno.rename(`${folder}/kept`, `${folder}/${CHECKPOINT}`);
    await Deno.truncate(`${folder}/${CHECKPOINT}`, 100);
    const previous = await loadCheckpoint(folder);
    assert.equal(previous!.update, 1);
    assert.match(
      previous!.passedOver!,
      /checkpoint\.safetensors cannot be read: .*; checkpoint\.previous\.safetensors, of update 1, is taken in its place/,
    );
    assert.deepEqual(previous!.state.tensors.get("params/a")!.data, new Float32Array([1, 7]));
    await Deno.truncate(`${folder}/${PREVIOUS}`, 10);
    await assert.rejects(loadCheckpoint(folder), /checkpoint\.safetensors cannot be read/);
  }));

Deno.test("train() tells when it goes on from a checkpoint that is not the newest", () =>
  inFolder(async (folder) => {
    await tinyRun(folder, { updates: 2, checkpointSeconds: 0 });
    const told: string[] = [], onPassedOver = (why: string) => told.push(why);
    await tinyRun(folder, { updates: 2, resume: true, onPassedOver });
    assert.deepEqual(told, []);
    await Deno.truncate(`${folder}/${CHECKPOINT}`, 100);
    await tinyRun(folder, { updates: 2, resume: true, onPassedOver });
    assert.equal(told.length, 1);
    assert.match(told[0], /checkpoint\.safetensors cannot be read/);
  }));

Deno.test("loadCheckpoint() refuses a checkpoint that is not finite, naming tensor and place, and takes the previous one", () =>
  inFolder(async (folder) => {
    const save = (value: number, update: number) =>
      saveCheckpoint(folder, {
        state: { tensors: new Map([["params/a", { shape: [2], data: Float32Array.of(1, value) }]]) },
        update,
        seconds: 1,
        backends: ["cpu"],
        settings: "{}",
      });
    await save(NaN, 1);
    await assert.rejects(loadCheckpoint(folder), /checkpoint\.safetensors cannot be read: .*params\/a has NaN at 1/);
    await assert.rejects(tinyRun(folder, { updates: 2, resume: true }), /params\/a has NaN at 1/);
    await save(2, 2);
    await save(-Infinity, 3);
    assert.equal((await loadCheckpoint(folder))!.update, 2);
  }));

Deno.test("openLossLog() starts a file with the names of the losses", () =>
  inFolder(async (folder) => {
    const path = `${folder}/losses.csv`, log = await openLossLog(path, ["x"], 0);
    await log.add({ update: 5, seconds: 1, molecules: 10, rate: 0.5, losses: { total: 2, x: 1.5 }, validation: 3 });
    assert.equal(
      await Deno.readTextFile(path),
      "update,seconds,molecules,rate,total,x,validation\n5,1.0,10,0.5000,2.00000,1.50000,3.00000\n",
    );
  }));

Deno.test("exportModel() writes the averaged weights as halves and a sound card", () =>
  inFolder(async (folder) => {
    await tinyRun(`${folder}/run`, { updates: 4 });
    await exportModel(`${folder}/run`, `${folder}/tiny`, { hardware: "a test" });
    const card = await readCard(`${folder}/tiny`);
    assert.equal(card.name, "tiny");
    assert.deepEqual(card.sizes, { "3": 1, "4": 1 });
    assert.deepEqual([card.training.updates, card.training.molecules, card.training.hardware], [4, 16, "a test"]);
    const written = readSafetensors(await Deno.readFile(`${folder}/tiny/${DENOISER_FILE}`));
    const state = await stateOf(`${folder}/run`);
    for (const [name, { data, dtype }] of written) {
      assert.equal(dtype, "F16");
      const ema = state.get(`ema/${name}`)!.data;
      data.forEach((value, i) => assert.ok(Math.abs(value - ema[i]) <= 1e-3 * Math.abs(ema[i]) + 1e-7, name));
    }
    assert.equal(written.size, [...state.keys()].filter((name) => name.startsWith("ema/")).length);
    await assert.rejects(exportModel(`${folder}/none`, `${folder}/x`), /holds no checkpoint/);
  }));

Deno.test("rateFactor() warms up, holds, and falls to the floor over the cooldown", () => {
  assert.equal(rateFactor(0, 0, { warmup: 10 }), 0.1);
  assert.equal(rateFactor(500, 0, {}), 1);
  assert.ok(Math.abs(rateFactor(500, 0.5, {}) - 0.505) < 1e-12);
  assert.equal(rateFactor(500, 0.5, { cooldown: 0.3 }), 1);
  assert.ok(Math.abs(rateFactor(500, 0.85, { cooldown: 0.3 }) - 0.505) < 1e-12);
  assert.ok(Math.abs(rateFactor(500, 1, { cooldown: 0.3 }) - 0.01) < 1e-12);
  assert.equal(rateFactor(500, 1, { cooldown: 0 }), 1);
});

Deno.test("emaDecay() starts short and ends at its limit", () => {
  assert.equal(emaDecay(0), 0.1);
  assert.equal(emaDecay(1e6), 0.9995);
  assert.equal(emaDecay(1e6, 0.99), 0.99);
});

Deno.test("learningCurve() draws each loss that there is", () => {
  const row = (update: number, validation?: number) => ({
    update,
    seconds: update,
    molecules: update,
    rate: 1,
    losses: { total: 3 / update, positions: 2 / update, scalars: 0.5 / update, bonds: 0.5 / update },
    validation,
  });
  const svg = learningCurve([row(10), row(20, 0.4), row(30, 0.3)]);
  assert.match(svg, /^<svg/);
  for (const name of ["positions", "bonds", "held out", "minutes of training"]) assert.ok(svg.includes(name), name);
});

Deno.test("createProgress() rewrites a line on a terminal and writes plain lines elsewhere", () => {
  const at = (seconds: number) => ({
    update: 10,
    seconds,
    molecules: 2560,
    speed: 123.4,
    fraction: seconds / 100,
    losses: { total: 1.5, parts: { positions: 1, bonds: 0.5 } },
  });
  const line = progressLine(at(25));
  assert.match(
    line,
    /25\.0 % \| update 10 \| 2\.6 k molecules \| 123\/s \| loss 1\.5000 \(positions 1\.000 bonds 0\.500\)/,
  );
  assert.match(line, /00:25 of about 01:40/);
  for (const terminal of [true, false]) {
    let text = "";
    const progress = createProgress({ write: (more) => text += more, terminal, everySeconds: 10 });
    for (let seconds = 1; seconds <= 30; seconds++) progress.onProgress(at(seconds));
    progress.end();
    assert.equal(text.split("\r").length - 1, terminal ? 30 : 0);
    assert.equal(text.split("\n").length - 1, terminal ? 1 : 3);
  }
});
