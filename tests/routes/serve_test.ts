import assert from "node:assert/strict";
import { listModels } from "../../model/models/load.ts";
import { UnknownModelError } from "../../model/models/store.ts";
import { parseConfig } from "../../routes/config.ts";
import { createLog } from "../../routes/log.ts";
import { generateResponse } from "../../routes/generate_schema.ts";
import { serve, type Service } from "../../routes/serve.ts";
import { openJobStore } from "../../model/service/jobs/store.ts";
import { scripted } from "../model/service/jobs/scripted.ts";
import { withFolder, writeTinyModel } from "../model/tiny_model.ts";

/** Runs a test with a service on a free port of the loopback. */
const withService = (
  work: (service: Service, address: string) => Promise<void>,
  settings: Record<string, string> = {},
) =>
  withFolder(async (root) => {
    await writeTinyModel(root);
    const config = parseConfig({
      PORT: "0",
      MOLSTEP_HOST: "127.0.0.1",
      MOLSTEP_BACKEND: "cpu",
      MOLSTEP_DRAIN_SECONDS: "0",
      MOLSTEP_DATA_DIR: `${root}/data`,
      ...settings,
    });
    const service = serve(config, await listModels([root]), () => {});
    try {
      await service.ready;
      await work(service, `http://127.0.0.1:${service.port}`);
    } finally {
      await service.stop();
    }
  });

const ask = (address: string, body: unknown, init: RequestInit = {}) =>
  fetch(`${address}/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...init,
  });

Deno.test("serve() answers over HTTP when its models are loaded", () =>
  withService(async (_service, address) => {
    const ready = await fetch(`${address}/health/ready`);
    assert.equal(ready.status, 200);
    await ready.body!.cancel();
    const body = generateResponse.parse(await (await ask(address, { count: 3, steps: 2, seed: 1 })).json());
    assert.equal(body.molecules.length, 3);
  }));

Deno.test("serve() finishes what is in flight when it is stopped", () =>
  withService(async (service, address) => {
    // The first window of 256 molecules begins the answer; the last 4 are yet to be drawn.
    const response = await ask(address, { count: 260, steps: 1, seed: 1 }, {
      headers: { "Content-Type": "application/json", Accept: "application/x-ndjson" },
    });
    const [text] = await Promise.all([response.text(), service.stop()]);
    assert.equal(text.trimEnd().split("\n").length, 260);
    await assert.rejects(fetch(`${address}/health/live`));
  }));

Deno.test("serve() is free for others after a client has gone away", () =>
  withService(async (_service, address) => {
    const client = new AbortController();
    const gone = ask(address, { count: 1000, steps: 1000 }, { signal: client.signal });
    await (await fetch(`${address}/health/live`)).body!.cancel();
    client.abort();
    await assert.rejects(gone, { name: "AbortError" });
    const body = await (await ask(address, { count: 1, steps: 1 })).json();
    assert.equal(body.drawn, 1);
  }));

Deno.test("serve() ends idle connections, and keeps places for others than who holds most, by its settings", () =>
  withService(async (service, address) => {
    const idle = await Deno.connect({ hostname: "127.0.0.1", port: service.port }), since = performance.now();
    const client = new AbortController(), body = { count: 1000, steps: 1000 };
    const large = ask(address, body, { signal: client.signal });
    const from = (client: string) => ({ headers: { "Content-Type": "application/json", "X-Forwarded-For": client } });
    let refused: Response;
    do { // until the large one is there
      refused = await ask(address, { count: 1, steps: 1 });
      await refused.body!.cancel();
    } while (refused.status === 200);
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers.get("retry-after")) > 100); // a million molecule-steps take a while
    assert.equal((await (await ask(address, { count: 1, steps: 1 }, from("198.51.100.7"))).json()).drawn, 1);
    client.abort();
    await assert.rejects(large, { name: "AbortError" });
    assert.equal(await idle.read(new Uint8Array(1)), null);
    assert.ok(performance.now() - since > 900);
    idle.close();
  }, { MOLSTEP_HEAD_SECONDS: "1", MOLSTEP_MAX_REQUESTS: "2", MOLSTEP_TRUSTED_PROXIES: "127.0.0.1" }));

Deno.test("serve() leaves those who follow a job when it is stopped, and goes on with the job at its next start", () =>
  withFolder(async (root) => {
    await writeTinyModel(root);
    const token = "a-token-of-a-test-1234", headers = { Authorization: `Bearer ${token}` };
    const { trainer, write } = scripted(`${root}/script.json`), lines: string[] = [];
    const config = parseConfig({
      PORT: "0",
      MOLSTEP_HOST: "127.0.0.1",
      MOLSTEP_BACKEND: "cpu",
      MOLSTEP_DRAIN_SECONDS: "0",
      MOLSTEP_DATA_DIR: `${root}/data`,
      MOLSTEP_ADMIN_TOKEN: token,
    });
    const start = async () => {
      const log = createLog({ level: "debug", write: (line) => lines.push(line) });
      const service = serve(config, await listModels([root], { data: config.dataDir }), log, { trainer });
      await service.ready;
      return { service, address: `http://127.0.0.1:${service.port}` };
    };
    await write({ act: "hold" });
    const first = await start(), body = JSON.stringify({ from: 8, updates: 5 });
    const init = { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body };
    const { id } = await (await fetch(`${first.address}/distill`, init)).json();
    const followed = await fetch(`${first.address}/jobs/${id}/events`, { headers });
    // The service leaves nobody waiting: the stream ends although the job does not.
    const [text] = await Promise.all([followed.text(), first.service.stop()]);
    assert.doesNotMatch(text, /cancelled|failed|done/);

    await write({ act: "finish" });
    const second = await start();
    const events = await (await fetch(`${second.address}/jobs/${id}/events`, { headers })).text();
    assert.match(events, /"state":"done"/);
    const { version } = await (await ask(second.address, { count: 1, steps: 4 })).json();
    assert.equal(version, "made-7");
    await second.service.stop();

    const store = openJobStore(`${root}/data/jobs.sqlite`);
    assert.deepEqual([store.get(id).state, store.get(id).restarts], ["done", 1]);
    store.close();
    assert.ok(lines.length > 0 && !lines.some((line) => line.includes(token)));
  }));

Deno.test("serve() refuses to preload a model that is not there", () => {
  const config = parseConfig({ PORT: "0", MOLSTEP_PRELOAD: "zinc" });
  assert.throws(() => serve(config, [], () => {}), UnknownModelError);
});
