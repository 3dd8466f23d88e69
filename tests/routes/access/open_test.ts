/** A service that listens, with a file of tokens that changes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { listModels } from "../../../model/models/load.ts";
import { parseConfig } from "../../../routes/config.ts";
import { createLog } from "../../../routes/log.ts";
import { serve } from "../../../routes/serve.ts";
import { withFolder, writeTinyModel } from "../../model/tiny_model.ts";
import { bearer, made, writeTokens } from "./tokens.ts";

type Settings = Parameters<typeof parseConfig>[0];

/** Runs a test with a service. */
const withService = (
  settings: (root: string) => Settings | Promise<Settings>,
  work: (more: { address: string; root: string; lines: Record<string, unknown>[] }) => Promise<void>,
) =>
  withFolder(async (root) => {
    await writeTinyModel(join(root, "weights"));
    const config = parseConfig({
      PORT: "0",
      MOLSTEP_HOST: "127.0.0.1",
      MOLSTEP_BACKEND: "cpu",
      MOLSTEP_DRAIN_SECONDS: "0",
      MOLSTEP_DATA_DIR: join(root, "data"),
      ...await settings(root),
    });
    const lines: Record<string, unknown>[] = [], log = createLog({ write: (line) => lines.push(JSON.parse(line)) });
    const service = serve(config, await listModels([join(root, "weights")]), log);
    try {
      await service.ready;
      await work({ address: `http://127.0.0.1:${service.port}`, root, lines });
    } finally {
      await service.stop();
    }
  });

Deno.test("serve() follows its file of tokens: one that is added works, one that is taken out does not, without a restart", () => {
  const first = made("first", ["generate"]), second = made("second", ["generate"]);
  return withService(async (root) => {
    await writeTokens(join(root, "tokens.json"), first);
    return { MOLSTEP_TOKENS: join(root, "tokens.json") };
  }, async ({ address, root, lines }) => {
    const ask = async (text: string) => {
      const headers = { ...bearer(text), "Content-Type": "application/json" };
      const response = await fetch(`${address}/generate`, { method: "POST", headers, body: '{"count":1,"steps":1}' });
      await response.body?.cancel();
      return response.status;
    };
    const until = async (text: string, status: number) => {
      for (const end = Date.now() + 20_000; await ask(text) !== status;) {
        assert.ok(Date.now() < end, JSON.stringify(lines));
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    };
    assert.equal((await fetch(`${address}/generate`, { method: "POST", body: "{}" })).status, 401);
    assert.equal(await ask(first.text), 200);
    assert.equal(await ask(second.text), 401);
    await writeTokens(join(root, "tokens.json"), first, second);
    await until(second.text, 200);
    assert.equal(await ask(first.text), 200);
    await writeTokens(join(root, "tokens.json"), second);
    await until(first.text, 401);
    assert.equal(await ask(second.text), 200);
    await Deno.writeTextFile(join(root, "tokens.json"), "no JSON");
    for (const end = Date.now() + 20_000; !lines.some(({ level }) => level === "error");) {
      assert.ok(Date.now() < end);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(await ask(second.text), 200);
    const said = lines.find(({ message }) => message === "a token is asked for all but health and the description");
    assert.deepEqual([said?.openScopes, said?.tokens], [[], ["first"]]);
  });
});

Deno.test("serve() says at its start what anyone may who reaches its port", async () => {
  for (
    const [settings, message] of [
      [{}, "anyone who reaches this port may generate"],
      [
        { MOLSTEP_OPEN_SCOPES: "generate, read" },
        "anyone who reaches this port may generate and read models, jobs, campaigns and metrics",
      ],
      [
        { MOLSTEP_OPEN_SCOPES: "none", MOLSTEP_ADMIN_TOKEN: "a-token-of-a-test-1234" },
        "a token is asked for all but health and the description",
      ],
    ] as const
  ) {
    await withService(() => settings, ({ lines }) => {
      const said = lines.filter((line) => line.message === message);
      assert.deepEqual([said.length, said[0]?.level], [1, "info"], JSON.stringify(lines));
      return Promise.resolve();
    });
  }
});

Deno.test("serve() refuses to start where its file of tokens is not there, and holds nothing", () =>
  withFolder(async (root) => {
    await writeTinyModel(join(root, "weights"));
    const config = parseConfig({
      PORT: "0",
      MOLSTEP_TOKENS: join(root, "none.json"),
      MOLSTEP_DATA_DIR: join(root, "data"),
    });
    const entries = await listModels([join(root, "weights")]);
    assert.throws(() => serve(config, entries, () => {}), /MOLSTEP_TOKENS must name a file of tokens.*none\.json/);
    await assert.rejects(Deno.stat(join(root, "data")), Deno.errors.NotFound);
  }));
