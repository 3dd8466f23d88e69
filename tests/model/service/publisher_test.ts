import assert from "node:assert/strict";
import { at } from "../../conditions.ts";
import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import { heavyAtomSpace } from "../../../model/networks/heavy_atom/space.ts";
import { drawNoise } from "../../../model/diffusion/latent.ts";
import { listModels, loadModel, type ServedModel } from "../../../model/models/load.ts";
import { cardSchema } from "../../../model/models/card.ts";
import { initialise } from "../../../model/networks/pair_attention/initialise.ts";
import { widened } from "../../../model/networks/pair_attention/levels.ts";
import { createPublisher, type NewStudent } from "../../../model/service/publisher.ts";
import { random } from "../../../model/diffusion/random.ts";
import { writeSafetensors } from "../../../model/diffusion/safetensors.ts";
import { createModelStore } from "../../../model/models/store.ts";
import { readWholeFile, sha256Of } from "../../../model/models/weights.ts";
import type { Denoiser } from "../../../model/diffusion/denoiser.ts";
import { student, withFolder, writeCompact, writeTinyModel } from "../tiny_model.ts";

/** A finished round's entry. */
const made = (steps: number, version: string, levels = 0): NewStudent => {
  const { file: _, ...entry } = cardSchema.shape.distilled.parse([{ ...student(steps, version), levels }])[0];
  return entry;
};

/** Writes a round's weights; another seed is other weights. */
async function weights(folder: string, seed: number, { width = 16, levels = 0, spoil = false } = {}): Promise<string> {
  const path = join(folder, `student-${seed}-${width}-${levels}-${spoil}.safetensors`);
  const all = initialise(heavyAtomSpace(), { width, blocks: 1 }, seed), tensors = levels ? widened(all, levels) : all;
  if (spoil) tensors.values().next().value!.data[3] = NaN;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(path, writeSafetensors(tensors));
  return path;
}

/** A service's store and publisher on these folders, as after a start. */
async function start(root: string) {
  const data = join(root, "data"), faults: string[] = [];
  const onFault = ({ message }: Error) => void faults.push(message);
  const load = (entry: Parameters<typeof loadModel>[0]) => loadModel(entry, { backend: "cpu", batch: 4 });
  const store = createModelStore(await listModels([join(root, "weights")], { data, onFault }), load);
  const publisher = createPublisher({ store, data, load, onFault });
  await publisher.sweep();
  return { store, publisher, faults, data };
}

type Started = Awaited<ReturnType<typeof start>>;

const withService = (work: (service: Started, root: string) => Promise<void>) =>
  withFolder(async (root) => {
    await writeTinyModel(join(root, "weights"), { distilled: [student(8)] });
    const service = await start(root);
    try {
      await work(service, root);
      await service.publisher.idle();
      assert.deepEqual(service.faults, []);
    } finally {
      service.store.dispose();
    }
  });

const versions = ({ store }: Started, name = "qm9") =>
  store.entry(name).card.distilled.map(({ steps, version }) => `${steps}:${version}`);

/** Paths and contents, in hexadecimal, of a folder's files. */
async function contents(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = async (path: string, at: string) => {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      if (isDirectory) await walk(join(path, name), join(at, name));
      else found[join(at, name)] = (await Deno.readFile(join(path, name))).toHex();
    }
  };
  await walk(folder, "").catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  return found;
}

/** Paths and digests of a folder's files. */
const digests = async (folder: string) =>
  Object.entries(await contents(folder)).map(([path, hex]) => [path, createHash("sha256").update(hex).digest("hex")])
    .sort();

const files = async ({ data }: Started) => Object.keys(await contents(data)).sort();

async function estimate(model: ServedModel, steps: number): Promise<Float32Array> {
  return await estimateOf(await model.denoiser(steps));
}

async function estimateOf(denoiser: Denoiser): Promise<Float32Array> {
  const shape = { batch: 1, nodes: 4 };
  return await denoiser.predict(drawNoise(denoiser.space, shape, [random(1)]), shape, at(0.5));
}

Deno.test("publishStudent() puts weights into service, and they are there after a restart", () =>
  withService(async (service, root) => {
    const { store, publisher } = service, model = await store.model("qm9"), before = await estimate(model, 8);
    await publisher.publishStudent("qm9", made(8, "a"), await weights(root, 7));
    await publisher.publishStudent("qm9", made(4, "b"), await weights(root, 8));
    assert.deepEqual(versions(service), ["8:a", "4:b"]);
    assert.equal(model.card, store.entry("qm9").card);
    assert.notDeepEqual(await estimate(model, 8), before);
    await publisher.idle();
    const again = await start(root);
    assert.deepEqual(versions(again), ["8:a", "4:b"]);
    assert.deepEqual(await estimate(await again.store.model("qm9"), 8), await estimate(model, 8));
    again.store.dispose();
    assert.equal((await files(service)).length, 3);
    assert.deepEqual((await listModels([join(root, "weights")]))[0].card.distilled.map(({ version }) => version), [
      "1",
    ]);
  }));

Deno.test("publishStudent() removes the weights that it takes the place of, and no others", () =>
  withService(async (service, root) => {
    const { publisher } = service, folder = join(root, "data", "models", "qm9");
    await publisher.publishStudent("qm9", made(4, "a"), await weights(root, 1));
    const [, first] = await files(service);
    await Deno.writeTextFile(join(folder, "notes.txt"), "mine");
    await publisher.publishStudent("qm9", made(4, "b"), await weights(root, 2));
    await publisher.idle();
    const left = await files(service);
    assert.deepEqual(left.length, 3);
    assert.ok(!left.includes(first) && left.includes("models/qm9/notes.txt"));
    await Deno.stat(join(root, "weights", "qm9", student(8).file));
  }));

Deno.test("publishStudent() refuses unsound weights, and nothing in service or on disk changes", () =>
  withService(async (service, root) => {
    const { store, publisher } = service;
    await publisher.publishStudent("qm9", made(4, "a"), await weights(root, 1));
    const before = [versions(service), await digests(service.data)];
    const text = join(root, "text.safetensors");
    await Deno.writeTextFile(text, "no weights");
    const refused = async (path: string, why: RegExp, name = "qm9", entry = made(4, "b")) => {
      await assert.rejects(publisher.publishStudent(name, entry, path), why);
      await publisher.idle();
      assert.deepEqual([versions(service), await digests(service.data)], before);
    };
    await refused(await weights(root, 2, { width: 32 }), /of shape|\[.*\]/);
    await refused(await weights(root, 2, { spoil: true }), /finite weights asked, .* has NaN at 3/);
    await refused(text, /text\.safetensors: not a sound safetensors file/);
    await refused(join(root, "absent.safetensors"), /No such file/);
    await refused(await weights(root, 2), /there is no model zinc; there is qm9/, "zinc");
    await refused(await weights(root, 2), /\[.*\]/, "qm9", made(4, "b", 8)); // no room for the levels
    await estimate(await store.model("qm9"), 4);
  }));

Deno.test("publishStudent() tells a network of several step counts the one that it serves", () =>
  withService(async ({ publisher, store }, root) => {
    const path = await weights(root, 3, { levels: 8 });
    await publisher.publishStudent("qm9", made(4, "a", 8), path);
    const model = await store.model("qm9"),
      network = await model.open({ ...made(4, "a"), levels: 0 }, path).denoiser
        .then(() => undefined, (error) => String(error));
    assert.match(network!, /shape|\[/); // without levels the file does not even fit
    assert.equal((await estimate(model, 4)).every(Number.isFinite), true);
  }));

Deno.test("publishStudent() puts all step counts of a network into service at once, from one file", () =>
  withService(async (service, root) => {
    const { publisher, store } = service, path = await weights(root, 3, { levels: 8 });
    await publisher.publishStudent("qm9", [made(8, "a", 8), made(4, "a", 8)], path);
    assert.deepEqual(versions(service), ["8:a", "4:a"]);
    assert.equal((await files(service)).length, 2);
    await publisher.removeSteps("qm9", 4);
    await publisher.idle();
    await estimate(await store.model("qm9"), 8); // whose weights stay
    assert.equal((await files(service)).length, 2);
    await assert.rejects(
      publisher.publishStudent("qm9", [made(4, "a", 8), made(4, "b", 8)], path),
      /different step counts; got 4, 4/,
    );
    await assert.rejects(publisher.publishStudent("qm9", [], path), /different step counts; got none/);
  }));

/** Runs `work`, copying the data directory before and after each change of a file's name and each removal. */
async function snapshots(root: string, work: () => Promise<void>): Promise<string[]> {
  const taken: string[] = [], data = join(root, "data");
  const take = async () => {
    const copy = join(root, "moments", String(taken.length));
    for (const [path, text] of Object.entries(await contents(data))) {
      await Deno.mkdir(join(copy, "data", path, ".."), { recursive: true });
      await Deno.writeFile(join(copy, "data", path), Uint8Array.fromHex(text));
    }
    await Deno.mkdir(copy, { recursive: true });
    await Deno.symlink(join(root, "weights"), join(copy, "weights"));
    taken.push(copy);
  };
  const { rename, remove } = Deno;
  const around = <A extends unknown[]>(change: (...given: A) => Promise<void>) => async (...given: A) => {
    await take();
    await change(...given);
    await take();
  };
  try {
    Object.assign(Deno, { rename: around(rename), remove: around(remove) });
    await work();
  } finally {
    Object.assign(Deno, { rename, remove });
  }
  return taken;
}

/** All models with their students. */
const state = ({ store }: Started) =>
  store.entries.map(({ name, card }) => [name, ...card.distilled.map(({ steps, version }) => `${steps}:${version}`)])
    .join(" ");

/** From each moment at which a kill could have come: starts again, repeats, and compares the end with that of no kill. */
async function repeatedFrom(root: string, work: (service: Started) => Promise<void>, allowed: readonly string[]) {
  const service = await start(root);
  const moments = await snapshots(root, async () => {
    await work(service);
    await service.publisher.idle();
  });
  const end = [state(service), await digests(service.data)];
  service.store.dispose();
  assert.ok(moments.length >= 4, `${moments.length} moments`);
  for (const moment of moments) {
    for (const path of Object.keys(await contents(join(moment, "data")))) {
      // A kill within a write leaves a part of the file.
      if (path.endsWith(".partial")) await Deno.truncate(join(moment, "data", path), 100);
    }
    const again = await start(moment);
    assert.deepEqual(again.faults, []);
    assert.ok(!(await files(again)).some((path) => path.endsWith(".partial")));
    assert.ok(allowed.includes(state(again)), `${moment}: ${state(again)}`);
    for (const { name } of again.store.entries) {
      const model = await again.store.model(name);
      for (const { steps } of model.card.distilled) await estimate(model, steps);
    }
    await work(again);
    await again.publisher.idle();
    assert.deepEqual([state(again), await digests(again.data)], end);
    again.store.dispose();
  }
}

Deno.test("publishStudent() killed at any moment and made again ends in the same state", () =>
  withService(async ({ publisher }, root) => {
    await publisher.publishStudent("qm9", made(4, "a"), await weights(root, 1));
    const path = await weights(root, 2);
    await repeatedFrom(
      root,
      ({ publisher }) => publisher.publishStudent("qm9", made(4, "b"), path),
      ["qm9,8:1,4:a", "qm9,8:1,4:b"],
    );
  }));

Deno.test("removeSteps() hides a shipped student, removes a published one, and refuses what is not there", () =>
  withService(async (service, root) => {
    const { publisher } = service;
    await publisher.publishStudent("qm9", made(4, "a"), await weights(root, 1));
    await publisher.removeSteps("qm9", 8);
    assert.deepEqual(versions(service), ["4:a"]);
    await publisher.removeSteps("qm9", 4);
    await publisher.idle();
    assert.deepEqual([versions(service), await files(service)], [[], ["models/qm9/distilled.json"]]);
    await assert.rejects(publisher.removeSteps("qm9", 8), /no weights distilled to 8 steps/);
    await assert.rejects(publisher.removeSteps("zinc", 8), /there is no model zinc/);
    const again = await start(root);
    assert.deepEqual(versions(again), []);
    await again.publisher.publishStudent("qm9", made(8, "b"), await weights(root, 2));
    assert.deepEqual(versions(again), ["8:b"]);
    await again.publisher.removeSteps("qm9", 8); // both, not back to the shipped one
    assert.deepEqual(versions(again), []);
    await again.publisher.idle();
    again.store.dispose();
  }));

Deno.test("publishStudent() and removeSteps() leave a damaged overlay as it is", () =>
  withService(async (_, root) => {
    const folder = join(root, "data", "models", "qm9"), overlay = join(folder, "distilled.json");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(overlay, "{");
    await Deno.writeTextFile(join(folder, "steps-4-0123456789ab.safetensors"), "perhaps named there");
    const service = await start(root);
    assert.match(service.faults.join(), /distilled\.json is damaged/);
    assert.deepEqual(versions(service), ["8:1"]);
    await assert.rejects(service.publisher.publishStudent("qm9", made(4, "a"), await weights(root, 1)), /is damaged/);
    await assert.rejects(service.publisher.removeSteps("qm9", 8), /is damaged/);
    assert.equal(await Deno.readTextFile(overlay), "{");
    assert.equal((await files(service)).length, 2);
    service.store.dispose();
  }));

Deno.test("publishStudent() begins anew where the model has been upgraded to another network", () =>
  withService(async (service, root) => {
    await service.publisher.publishStudent("qm9", made(4, "a"), await weights(root, 1));
    await service.publisher.idle();
    const later = join(root, "later");
    await writeTinyModel(join(later, "weights"), { schedule: { type: "cosine", factor: 0.99 } });
    await Deno.symlink(join(root, "data"), join(later, "data"));
    const upgraded = await start(later);
    assert.match(upgraded.faults.join(), /the weights for 4 steps fit another network than qm9 has/);
    assert.deepEqual(versions(upgraded), []);
    assert.equal((await files(upgraded)).length, 2); // kept, as the upgrade may be taken back
    await upgraded.publisher.publishStudent("qm9", made(2, "b"), await weights(root, 2));
    await upgraded.publisher.idle();
    assert.deepEqual(versions(upgraded), ["2:b"]);
    assert.equal((await files(upgraded)).length, 2);
    upgraded.store.dispose();
  }));

Deno.test("publishModel() adds a model, replaces it, and refuses the name of a shipped one", () =>
  withService(async (service, root) => {
    const { publisher, store } = service, runs = join(root, "runs");
    const folder = await writeTinyModel(runs, { name: "small", distilled: [student(4)] });
    await publisher.publishModel(folder);
    await publisher.publishStudent("small", made(2, "a"), await weights(root, 1));
    assert.deepEqual(versions(service, "small"), ["4:1", "2:a"]);
    await publisher.publishModel(folder); // published already: its student stays
    assert.deepEqual(versions(service, "small"), ["4:1", "2:a"]);
    const old = await store.model("small"), lease = old.lease(2), again = await start(root);
    assert.deepEqual(versions(again, "small"), ["4:1", "2:a"]);
    again.store.dispose();
    await publisher.publishModel(await writeTinyModel(join(root, "later"), { name: "small", version: "next" }));
    assert.deepEqual(versions(service, "small"), []);
    assert.notEqual(await store.model("small"), old);
    const shape = { batch: 1, nodes: 3 }, z = drawNoise(heavyAtomSpace(), shape, [random(1)]);
    await (await lease.denoiser).predict(z, shape, at(0.5)); // what is in flight finishes
    lease.release();
    await publisher.idle();
    assert.throws(() => old.lease(), /has been disposed of/);
    assert.deepEqual((await files(service)).map((path) => path.replace(/[0-9a-f]{12}/, "x")), [
      "models/small/card.json",
      "models/small/denoiser-x.safetensors",
    ]);
    await assert.rejects(
      publisher.publishModel(await writeTinyModel(runs)),
      /name must be one that no model has; got qm9/,
    );
  }));

Deno.test("publishModel() and publishStudent() write students that are differences out in full", () =>
  withService(async (service, root) => {
    const { publisher, data } = service, { file } = student(4);
    const folder = await writeTinyModel(join(root, "runs"), { name: "small", distilled: [student(4)] });
    await writeCompact(folder, file);
    const { bytes } = await readWholeFile(join(folder, file));
    await publisher.publishModel(folder);
    await publisher.publishStudent("small", made(2, "a"), join(folder, file));
    const shipped = await writeTinyModel(join(root, "other"));
    await writeCompact(shipped, file);
    await publisher.publishStudent("qm9", made(2, "b"), join(shipped, file));
    await Deno.remove(folder, { recursive: true });
    const again = await start(root), model = await again.store.model("small");
    for (const steps of [4, 2]) {
      const { file, sha256 } = model.card.distilled.find((one) => one.steps === steps)!;
      assert.deepEqual(await Deno.readFile(join(data, "models/small", file)), bytes);
      assert.equal(sha256, sha256Of(bytes));
      await model.denoiser(steps);
    }
    assert.deepEqual(versions(again), ["8:1", "2:b"]);
    again.store.dispose();
  }));

Deno.test("createPublisher() knows what lies in a data directory that is named relative to the working folder", () =>
  withService(async ({ publisher }, root) => {
    await publisher.publishModel(await writeTinyModel(join(root, "runs"), { name: "small" }));
    await publisher.publishStudent("small", made(4, "a"), await weights(root, 1));
    const again = await start(relative(Deno.cwd(), root)), model = await again.store.model("small");
    const lease = model.lease(4); // being read while it is taken out
    await again.publisher.removeSteps("small", 4);
    await estimateOf(await lease.denoiser);
    lease.release();
    await again.publisher.idle();
    await again.publisher.publishModel(await writeTinyModel(join(root, "later"), { name: "small", version: "2" }));
    assert.equal(again.store.entry("small").card.version, "2");
    await again.publisher.idle();
    again.store.dispose();
  }));

Deno.test("publishModel() killed at any moment and made again ends in the same state", () =>
  withService(async (_, root) => {
    // Takes the place of a model that has a student of its own.
    const { publisher } = await start(root), before = join(root, "before");
    await publisher.publishModel(await writeTinyModel(before, { name: "small", version: "0", distilled: [] }));
    await publisher.publishStudent("small", made(2, "x"), await weights(root, 1));
    const folder = await writeTinyModel(join(root, "runs"), { name: "small", distilled: [student(4)] });
    await repeatedFrom(root, ({ publisher }) => publisher.publishModel(folder), [
      "qm9,8:1 small",
      "qm9,8:1 small,2:x",
      "qm9,8:1 small,4:1",
    ]);
  }));
