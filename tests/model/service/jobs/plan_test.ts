import assert from "node:assert/strict";
import { type Card, type CardInput, readCard } from "../../../../model/models/card.ts";
import { estimateRound, timeForward, TooLargeRoundError } from "../../../../model/service/jobs/estimate.ts";
import { availableMemory } from "../../../../model/service/jobs/memory.ts";
import { acceptRound, ImpossibleRoundError, roundOrder } from "../../../../model/distillation/order.ts";
import { snapshot } from "../../../../model/service/jobs/snapshot.ts";
import { writeSafetensors } from "../../../../model/diffusion/safetensors.ts";
import { listModels, loadModel } from "../../../../model/models/load.ts";
import { writeOverlay } from "../../../../model/models/overlay.ts";
import { readWeights } from "../../../../model/models/weights.ts";
import { near, student, withFolder, writeCompact, writeTinyModel } from "../../tiny_model.ts";

const withCard = (changes: Partial<CardInput>, work: (card: Card) => void) =>
  withFolder(async (root) => work(await readCard(await writeTinyModel(root, changes))));
const accept = (card: Card, asked: Record<string, unknown>, taken?: string[]) =>
  acceptRound(card, roundOrder.parse({ updates: 1, ...asked }), taken);

Deno.test("acceptRound() begins at 128 steps of an undistilled model, and at the smallest step count of another", async () => {
  await withCard({}, (card) => {
    const { settings, limits } = accept(card, { minutes: 2 });
    assert.deepEqual([settings.from, settings.to, settings.variant, settings.clamp], [128, 64, "ddim", 0]);
    assert.deepEqual(limits, { minutes: 2, updates: 1 });
  });
  const power = { type: "power", rho: 2 } as const;
  const distilled = [student(16), { ...student(5), variant: "ddpm", grid: power, clamp: 0.2 } as const];
  await withCard({ distilled }, (card) => {
    const { settings } = accept(card, {});
    assert.deepEqual([settings.from, settings.to], [5, 3]);
    assert.deepEqual([settings.variant, settings.grid, settings.clamp], ["ddpm", power, 0.2]);
    assert.equal(accept(card, { from: 64 }).settings.to, 32);
    assert.deepEqual(accept(card, { method: "moments" }).settings.from, 128);
  });
});

Deno.test("acceptRound() trains for 30 minutes where it is not told, from the fewest steps that a progressive round made", async () => {
  const moments = { ...student(4), variant: "ddpm", training: { settings: { method: "moments" } } } as const;
  const begin = (card: Card) => {
    const { settings: { from, to }, limits } = acceptRound(card, roundOrder.parse({}));
    return [from, to, limits];
  };
  await withCard({ distilled: [moments] }, (card) => assert.deepEqual(begin(card), [128, 64, { minutes: 30 }]));
  const distilled = [moments, { ...student(16), training: { settings: { method: "progressive" } } }];
  await withCard({ distilled }, (card) => assert.deepEqual(begin(card), [16, 8, { minutes: 30 }]));
});

Deno.test("acceptRound() keeps step counts: of progressive those in service, of moments any", () =>
  withCard({ distilled: [student(16), student(8)] }, (card) => {
    assert.deepEqual(accept(card, { keep: [16, 8] }).settings.keep, [16, 8]);
    assert.deepEqual(accept(card, { method: "moments", to: 8, keep: [4, 2] }).settings.keep, [4, 2]);
    for (const asked of [{ keep: [32] }, { method: "moments", to: 8, keep: [8] }, { method: "knowledge", keep: [8] }]) {
      assert.throws(
        () => accept(card, asked),
        (error) => error instanceof ImpossibleRoundError && error.field === "keep",
      );
    }
  }));

Deno.test("acceptRound() makes the student of knowledge half as wide and deep, under a name of its own", () =>
  withCard({ denoiser: { type: "pair-attention", width: 192, blocks: 5, file: "denoiser.safetensors" } }, (card) => {
    const { settings } = accept(card, { method: "knowledge" });
    assert.deepEqual(
      [settings.width, settings.blocks, settings.name, settings.from, settings.to],
      [96, 3, "qm9-96x3", 32, 32],
    );
    assert.equal(accept(card, { method: "knowledge", to: 16, width: 64, name: "small" }).settings.from, 16);
    for (const asked of [{ name: "qm9" }, { name: "other" }, { to: 8, from: 16 }]) {
      assert.throws(() => accept(card, { method: "knowledge", ...asked }, ["other"]), ImpossibleRoundError);
    }
  }));

const round = (card: Card, asked: Record<string, unknown>, available: number | undefined, forwardSeconds = 0.001) => {
  const { settings, limits } = accept(card, asked);
  const measured = { card, parameters: 1e6, forwardSeconds, backend: "cpu", availableMiB: available };
  return estimateRound(settings, limits, measured);
};

Deno.test("estimateRound() counts two calls of the teacher, and three for the student", () =>
  withCard({}, (card) => {
    const { updates: _, ...estimate } = round(card, { updates: 1000, batch: 100, samples: 200 }, undefined);
    assert.equal(estimate.secondsPerUpdate, 0.5);
    assert.deepEqual(
      [estimate.trainingSeconds, estimate.judgingSeconds],
      [500, 0.001 * 200 * (128 + 64)].map((v) => +v.toPrecision(3)),
    );
    assert.equal(estimate.availableMiB, null);
    assert.equal(round(card, { updates: 1e6, minutes: 1, batch: 100 }, undefined).updates, 120);
    const moments = round(card, { method: "moments", batch: 100 }, undefined);
    assert.ok(moments.secondsPerUpdate > 0.5 && moments.memoryMiB > estimate.memoryMiB);
    assert.ok(round(card, { batch: 4096 }, undefined).memoryMiB > estimate.memoryMiB);
  }));

Deno.test("estimateRound() refuses what is too much for memory or a week, with both numbers", () =>
  withCard({}, (card) => {
    const fault = (work: () => unknown, message: RegExp) =>
      assert.throws(work, (error) => error instanceof TooLargeRoundError && message.test(error.message));
    fault(() => round(card, {}, 300), /needs about \d{3} MiB, 300 MiB are free/);
    fault(() => round(card, { updates: 10_000_000 }, 8000), /about 74\.1 days \(0\.64 s an update\), at most 7/);
  }));

Deno.test("timeForward() tells seconds a molecule, of the second call", async () => {
  let clock = 0, calls = 0;
  const denoiser = {
    space: { vectors: 1, scalars: 2, pairs: 0 },
    predict: (z: Float32Array) => {
      clock += calls++ === 0 ? 9000 : 640;
      return Promise.resolve(z);
    },
  };
  assert.equal(await timeForward(denoiser, { batch: 128, nodes: 4 }, () => clock), 0.01);
  assert.equal(calls, 2);
});

Deno.test("availableMemory() is the least of the machine's and of what a container has left", () => {
  const read = (files: Record<string, string>) => (path: string) => {
    if (path in files) return files[path];
    throw new Deno.errors.NotFound(path);
  };
  assert.equal(availableMemory(() => 900, read({})), 900);
  const v2 = { "/sys/fs/cgroup/memory.max": "700\n", "/sys/fs/cgroup/memory.current": "100\n" };
  assert.equal(availableMemory(() => 900, read(v2)), 600);
  assert.equal(availableMemory(() => 900, read({ ...v2, "/sys/fs/cgroup/memory.max": "max\n" })), 900);
  const none = () => {
    throw new Error("not here");
  };
  assert.equal(availableMemory(none, read({}), none), undefined);
  assert.equal(availableMemory(() => 900, read({}), () => 300), 300);
  assert.equal(availableMemory(() => 900, read({}), () => NaN), 900);
});

Deno.test("snapshot() is a whole model, which goes on when its source has gone", () =>
  withFolder(async (root) => {
    await writeTinyModel(`${root}/weights`, { distilled: [student(4)] });
    const [entry] = await listModels([`${root}/weights`]);
    const folder = await snapshot(entry, `${root}/job`);
    await Deno.remove(`${root}/weights`, { recursive: true });
    assert.equal(await snapshot(entry, `${root}/job`), folder);
    const model = await loadModel(folder, { backend: "cpu" });
    assert.deepEqual([model.card.name, model.card.distilled[0].version], ["qm9", "1"]);
    await model.denoiser(4);
    model.dispose();
  }));

Deno.test("snapshot() has students that are differences from their denoiser, whatever the files are named", () =>
  withFolder(async (root) => {
    const data = `${root}/data`,
      own = `${data}/models/qm9`,
      file = "denoiser-1.safetensors",
      same = "denoiser.safetensors";
    const weights = await writeTinyModel(`${root}/weights`, { distilled: [{ ...student(4), file: same }, student(2)] });
    // The denoiser has a name of its own, and one student that of denoisers: so has one of the data directory.
    const card = JSON.parse(await Deno.readTextFile(`${weights}/card.json`)),
      base = await readWeights(`${weights}/${same}`);
    card.denoiser.file = file;
    await Deno.writeTextFile(`${weights}/card.json`, JSON.stringify(card));
    await Deno.writeFile(`${weights}/${file}`, writeSafetensors(near(base, 1)));
    const four = await writeCompact(weights, same);
    await writeCompact(weights, student(2).file);
    await Deno.mkdir(own, { recursive: true });
    await Deno.writeFile(`${own}/${same}`, writeSafetensors(near(base, 2)));
    const [entry] = await listModels([`${root}/weights`]);
    const overlay = { entries: [{ ...entry.card.distilled[1], steps: 8, file: same }], removed: [] };
    await writeOverlay(own, entry.card, overlay);
    const [whole] = await listModels([`${root}/weights`], { data }), folder = await snapshot(whole, `${root}/job`);
    await Deno.remove(`${root}/weights`, { recursive: true });
    const made = await readCard(folder), files = new Map(made.distilled.map(({ steps, file }) => [steps, file]));
    assert.deepEqual([made.denoiser.file, new Set([file, ...files.values()]).size], [file, 4]);
    const found = await readWeights(`${folder}/${files.get(4)}`), { data: wanted } = four.get("input.weight")!;
    found.get("input.weight")!.data.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-4));
    const model = await loadModel(folder, { backend: "cpu" });
    for (const steps of [2, 4, 8]) await model.denoiser(steps);
    model.dispose();
  }));

Deno.test("acceptRound() refuses a grid that the schedule does not have at one of the round's step counts", () =>
  withCard({ schedule: { type: "polynomial" } }, (card) => {
    const grid = { type: "logSnr", first: -3, last: 9 };
    const { settings } = accept(card, { from: 32, grid });
    assert.deepEqual([settings.to, settings.grid], [16, grid]);
    for (const asked of [{ grid: { ...grid, first: 9.5 } }, { method: "moments", from: 64, to: 1, grid }]) {
      assert.throws(
        () => accept(card, asked),
        (error) => error instanceof ImpossibleRoundError && error.field === "grid" && /log-SNR/.test(error.message),
      );
    }
  }));

Deno.test("acceptRound() takes over a teacher's variant only where the method can have it", () =>
  withCard({ coupling: "aligned", distilled: [{ ...student(4), variant: "ddpm" }] }, (card) => {
    assert.equal(accept(card, {}).settings.variant, "ddim");
    assert.equal(accept(card, { method: "moments", to: 2 }).settings.variant, "ddpm");
    assert.throws(() => accept(card, { variant: "ddpm" }), /posterior means assume independent noise/);
    assert.throws(
      () => accept(card, { method: "knowledge", variant: "consistency" }),
      /variant must be ddim or ddpm for knowledge; got consistency/,
    );
  }));
