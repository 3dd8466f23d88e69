import assert from "node:assert/strict";
import { join } from "node:path";
import { makeDenoiser } from "../../../model/models/parts.ts";
import { listModels } from "../../../model/models/load.ts";
import { chooseSettings, NotDistilledError } from "../../../model/models/settings.ts";
import { createModelStore } from "../../../model/models/store.ts";
import { recordDigests } from "../../../model/models/weights.ts";
import { createPublisher } from "../../../model/service/publisher.ts";
import { loadTried, type Withdrawn } from "../../../model/service/tried.ts";
import { cardSchema } from "../../../model/models/card.ts";
import { createLog } from "../../../routes/log.ts";
import { parseConfig } from "../../../routes/config.ts";
import { serve } from "../../../routes/serve.ts";
import { flip, spoil, student, withFolder, writeTinyModel } from "../tiny_model.ts";

const cpu = { backend: "cpu" } as const;

/** A model of students of 16, 8, 4, 2 and 1 steps: of 16 a flipped byte, of 8 cut short, of 4 a NaN, of 2 gone, of 1 sound. */
async function damaged(root: string): Promise<string> {
  const folder = await writeTinyModel(root, { distilled: [16, 8, 4, 2, 1].map((steps) => student(steps)) });
  const path = (steps: number) => join(folder, student(steps).file);
  await recordDigests(folder);
  await flip(path(16));
  const card = JSON.parse(await Deno.readTextFile(join(folder, "card.json")));
  for (const one of card.distilled) if (one.steps < 16) delete one.sha256;
  await Deno.writeTextFile(join(folder, "card.json"), JSON.stringify(card));
  await Deno.truncate(path(8), 2000);
  await spoil(path(4), NaN);
  await Deno.remove(path(2));
  return folder;
}

const REASONS: readonly [number, RegExp][] = [
  [16, /^d16-1\.safetensors: sha256 must be [0-9a-f]{64}, as the card says; got [0-9a-f]{64}/],
  [8, /^d8-1\.safetensors: not a sound safetensors file: truncated/],
  [4, /^d4-1\.safetensors: finite weights asked, .* has NaN at 3/],
  [2, /No such file .*'d2-1\.safetensors'/],
];

Deno.test("loadTried() takes students that cannot be loaded out of service and says why; the undistilled network serves their steps", () =>
  withFolder(async (root) => {
    await damaged(root);
    const [entry] = await listModels([root]), told: Withdrawn[] = [];
    const store = createModelStore([entry], (entry) => loadTried(entry, cpu, (one) => told.push(one)));
    const model = await store.model("qm9"), { card, faulty } = store.entry("qm9");
    assert.deepEqual(told.map(({ model, steps }) => [model, steps]), REASONS.map(([steps]) => ["qm9", steps]));
    assert.deepEqual(faulty!.map(({ steps, version }) => [steps, version]), REASONS.map(([steps]) => [steps, "1"]));
    REASONS.forEach(([, reason], k) => assert.match(faulty![k].reason, reason));
    assert.ok(faulty!.every(({ reason }) => !reason.includes(root)));
    assert.deepEqual([card.distilled.map(({ steps }) => steps), model.card], [[1], card]);
    assert.throws(() => model.lease(8), NotDistilledError);
    assert.notEqual(chooseSettings(card, 8).sampler, "distilled");
    assert.equal(chooseSettings(card, 1).sampler, "distilled");
    store.dispose();
  }));

Deno.test("a student that was taken out of service stays out when others come, and is in again when it is published anew", () =>
  withFolder(async (root) => {
    const folder = await damaged(root),
      data = join(root, "data"),
      steps = () => store.entry("qm9").card.distilled.map((one) => one.steps);
    const load = (entry: Parameters<typeof loadTried>[0]) => loadTried(entry, cpu, () => {});
    const store = createModelStore(await listModels([root]), load), publisher = createPublisher({ store, data, load });
    await store.model("qm9");
    const made = (steps: number) => {
      const { file: _, ...entry } = cardSchema.shape.distilled.parse([student(steps, "new")])[0];
      return entry;
    };
    const sound = join(folder, student(1).file);
    await publisher.publishStudent("qm9", made(3), sound);
    assert.deepEqual([steps(), store.entry("qm9").faulty?.map((one) => one.steps)], [[3, 1], [16, 8, 4, 2]]);
    await publisher.publishStudent("qm9", made(8), sound);
    assert.deepEqual([steps(), store.entry("qm9").faulty?.map((one) => one.steps)], [[8, 3, 1], [16, 4, 2]]);
    await publisher.removeSteps("qm9", 4);
    assert.deepEqual([steps(), store.entry("qm9").faulty?.map((one) => one.steps)], [[8, 3, 1], [16, 2]]);
    await publisher.idle();
    store.dispose();
  }));

Deno.test("publishing the same weights again mends a file of the data directory that has been damaged since", () =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(join(root, "weights"), { distilled: [student(1)] }), data = join(root, "data");
    const start = async () => {
      const load = (entry: Parameters<typeof loadTried>[0]) => loadTried(entry, cpu, () => {});
      const store = createModelStore(await listModels([join(root, "weights")], { data }), load);
      await store.model("qm9");
      return { store, publisher: createPublisher({ store, data, load }) };
    };
    const { file: _, ...made } = cardSchema.shape.distilled.parse([student(4, "new")])[0];
    const first = await start();
    await first.publisher.publishStudent("qm9", made, join(folder, student(1).file));
    const { distilled: [{ file, sha256 }] } = first.store.entry("qm9").card;
    assert.match(sha256!, new RegExp(`^${file.slice("steps-4-".length, -".safetensors".length)}`));
    first.store.dispose();
    await flip(join(data, "models", "qm9", file));
    const second = await start();
    assert.match(second.store.entry("qm9").faulty![0].reason, /sha256 must be/);
    await second.publisher.publishStudent("qm9", made, join(folder, student(1).file));
    assert.deepEqual([second.store.entry("qm9").faulty, second.store.entry("qm9").card.distilled[0].file], [
      undefined,
      file,
    ]);
    await second.publisher.idle();
    second.store.dispose();
    const third = await start();
    assert.equal(third.store.entry("qm9").faulty, undefined);
    third.store.dispose();
  }));

Deno.test("loadTried() refuses a model whose undistilled weights draw what is not finite, and disposes of it", () =>
  withFolder(async (root) => {
    await writeTinyModel(root);
    const [entry] = await listModels([root]);
    let disposed = 0;
    const make: typeof makeDenoiser = async (...given) => {
      const { part, ...placed } = await makeDenoiser(...given);
      const predict: typeof part.predict = async (...given) => (await part.predict(...given)).fill(NaN, 0, 1);
      return { ...placed, part: { ...part, can: {}, predict, dispose: () => (disposed++, part.dispose()) } };
    };
    await assert.rejects(loadTried(entry, { ...cpu, make }, () => {}), /model qm9 fails its trial: .*not finite/);
    assert.equal(disposed, 1);
  }));

Deno.test("a service with damaged students is ready, tells of them at GET /models and in its log, and draws at their steps", () =>
  withFolder(async (root) => {
    await damaged(root);
    const lines: Record<string, unknown>[] = [];
    const log = createLog({ write: (line) => lines.push(JSON.parse(line)) });
    const config = parseConfig({
      PORT: "0",
      MOLSTEP_HOST: "127.0.0.1",
      MOLSTEP_BACKEND: "cpu",
      MOLSTEP_DRAIN_SECONDS: "0",
      MOLSTEP_DATA_DIR: join(root, "data"),
    });
    const service = serve(config, await listModels([root]), log), address = `http://127.0.0.1:${service.port}`;
    try {
      await service.ready;
      const { models: [{ distilledSteps, faulty }] } = await (await fetch(`${address}/models`)).json();
      assert.deepEqual([distilledSteps, faulty.length], [[1], 4]);
      assert.match(faulty[1].reason, /truncated/);
      const detail = await (await fetch(`${address}/models/qm9`)).json();
      assert.deepEqual(detail.faulty, faulty);
      const told = lines.filter(({ message }) => message === "student taken out of service");
      assert.deepEqual(told.map(({ level, steps }) => [level, steps]), [["warn", 16], ["warn", 8], ["warn", 4], [
        "warn",
        2,
      ]]);
      for (const [steps, sampler] of [[8, "ddpm"], [1, "distilled"]]) {
        const response = await fetch(`${address}/generate`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ count: 2, steps, seed: 1 }),
        });
        const body = await response.json();
        assert.deepEqual([response.status, body.sampler], [200, sampler]);
      }
    } finally {
      await service.stop();
    }
  }));
