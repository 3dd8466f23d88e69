/** Two services on one data directory. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { LOCK } from "../../model/diffusion/lock.ts";
import { listModels } from "../../model/models/load.ts";
import { parseConfig } from "../../routes/config.ts";
import { createLog } from "../../routes/log.ts";
import { serve } from "../../routes/serve.ts";
import { scripted } from "../model/service/jobs/scripted.ts";
import { student, withFolder, writeTinyModel } from "../model/tiny_model.ts";
import { TOKEN } from "./jobs_fixture.ts";

// deno-lint-ignore no-explicit-any -- JSON of many shapes
type Json = any;

const rounds = (root: string) => scripted(join(root, "script.json"));

/** A service on the folder's models and data directory, as a process of its own would be: the lock is one of open files. */
async function start(root: string) {
  const lines: Json[] = [], log = createLog({ level: "debug", write: (line) => lines.push(JSON.parse(line)) });
  const config = parseConfig({
    PORT: "0",
    MOLSTEP_HOST: "127.0.0.1",
    MOLSTEP_BACKEND: "cpu",
    MOLSTEP_DRAIN_SECONDS: "0",
    MOLSTEP_DATA_DIR: join(root, "data"),
    MOLSTEP_ADMIN_TOKEN: TOKEN,
  });
  const entries = await listModels([join(root, "weights")], { data: config.dataDir });
  const service = serve(config, entries, log, { trainer: rounds(root).trainer });
  await service.ready;
  const ask = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> => {
    const response = await fetch(`http://127.0.0.1:${service.port}${path}`, {
      method,
      headers: { Authorization: `Bearer ${TOKEN}`, ...(body ? { "Content-Type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
  };
  const until = async (what: () => Promise<boolean>) => {
    for (const end = Date.now() + 20_000; !await what();) {
      assert.ok(Date.now() < end, JSON.stringify(lines));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return { ask, until, lines, stop: () => service.stop() };
}

Deno.test("a second service on a data directory only reads it and says so, and takes it over, round and all, when the first ends", () =>
  withFolder(async (root) => {
    await writeTinyModel(join(root, "weights"), { distilled: [student(2)] });
    await rounds(root).write({ act: "hold" });
    const first = await start(root);
    const { status, body: { id } } = await first.ask("POST", "/distill", { from: 8, updates: 5 });
    assert.equal(status, 202);
    await first.until(async () => (await first.ask("GET", `/jobs/${id}`)).body.progress !== null);

    const second = await start(root), owner = new RegExp(`in use by process ${Deno.pid} on ${Deno.hostname()}`);
    try {
      const [told] = second.lines.filter(({ message }) => message === "data directory is read-only");
      assert.deepEqual(told.level, "warn");
      assert.match(told.why, owner);
      for (const probe of ["live", "ready"]) {
        assert.match((await second.ask("GET", `/health/${probe}`)).body.readOnly, owner);
        assert.deepEqual((await first.ask("GET", `/health/${probe}`)).body, { status: "ok" });
      }
      for (
        const [method, path, body] of [
          ["POST", "/distill", { from: 8, updates: 5 }],
          ["DELETE", `/jobs/${id}`],
          ["POST", `/jobs/${id}/resume`],
          ["GET", `/jobs/${id}/events`],
          ["DELETE", "/models/qm9/steps/2"],
        ] as const
      ) {
        const refused = await second.ask(method, path, body);
        assert.deepEqual([refused.status, refused.body.type], [409, "urn:molstep:problem:read-only"], path);
        assert.match(refused.body.detail, owner);
      }
      // Reading works, and the first's round is none of the second's.
      assert.equal((await second.ask("GET", `/jobs/${id}`)).body.state, "running");
      assert.equal((await second.ask("GET", "/jobs")).body.total, 1);
      assert.equal((await second.ask("POST", "/generate", { count: 1, steps: 2, seed: 1 })).body.sampler, "distilled");
      assert.equal((await first.ask("GET", `/jobs/${id}`)).body.state, "running");
      // What the first does with its models meanwhile the second sees when it takes over.
      assert.equal((await first.ask("DELETE", "/models/qm9/steps/2")).status, 204);
      assert.deepEqual((await second.ask("GET", "/models")).body.models[0].distilledSteps, [2]);

      await rounds(root).write({ act: "finish" });
      await first.stop();
      await second.until(async () => (await second.ask("GET", `/jobs/${id}`)).body.state === "done");
      assert.deepEqual((await second.ask("GET", "/health/ready")).body, { status: "ok" });
      assert.deepEqual((await second.ask("GET", "/models")).body.models[0].distilledSteps, [4]);
      const { body } = await second.ask("POST", "/generate", { count: 1, steps: 4, seed: 1 });
      assert.deepEqual([body.sampler, body.version], ["distilled", "made-7"]);
      assert.ok(second.lines.some(({ message }) => message === "data directory is this service's now"));
    } finally {
      await second.stop();
      await first.stop();
    }
    const third = await start(root);
    assert.deepEqual((await third.ask("GET", "/health/live")).body, { status: "ok" });
    assert.deepEqual((await third.ask("GET", "/models")).body.models[0].distilledSteps, [4]);
    await third.stop();
  }));

Deno.test("a service that takes a data directory over sees what was published and taken out there while it only read it", () =>
  withFolder(async (root) => {
    await writeTinyModel(join(root, "weights"), { distilled: [student(4), student(2)] });
    const first = await start(root), second = await start(root);
    try {
      assert.equal((await first.ask("DELETE", "/models/qm9/steps/2")).status, 204);
      await writeTinyModel(join(root, "data", "models"), { name: "small" });
      const models = async () => (await second.ask("GET", "/models")).body.models;
      assert.deepEqual((await models()).map(({ name, distilledSteps }: Json) => [name, distilledSteps]), [["qm9", [
        2,
        4,
      ]]]);
      await first.stop();
      await second.until(async () => (await models()).length === 2);
      assert.deepEqual((await models()).map(({ name, distilledSteps }: Json) => [name, distilledSteps]), [
        ["qm9", [4]],
        ["small", []],
      ]);
      assert.equal((await second.ask("POST", "/generate", { model: "small", count: 1, steps: 2 })).status, 200);
    } finally {
      await second.stop();
      await first.stop();
    }
  }));

Deno.test("a service whose data directory cannot be written in serves, and says why it writes nothing", () =>
  withFolder(async (root) => {
    await writeTinyModel(join(root, "weights"));
    await Deno.mkdir(join(root, "data", LOCK), { recursive: true });
    const service = await start(root);
    try {
      assert.match((await service.ask("GET", "/health/ready")).body.readOnly, /owner\.lock/);
      assert.equal((await service.ask("POST", "/distill", { from: 8, updates: 5 })).status, 409);
      assert.equal((await service.ask("POST", "/generate", { count: 1, steps: 2, seed: 1 })).status, 200);
    } finally {
      await service.stop();
    }
  }));
