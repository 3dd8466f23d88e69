/** The service held against its own OpenAPI document, by requests that Schemathesis makes up. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { listModels } from "../model/models/load.ts";
import { SCOPES } from "../routes/access/scopes.ts";
import { digestOf, formatTokens, makeToken } from "../routes/access/token_file.ts";
import { parseConfig } from "../routes/config.ts";
import { ENDPOINTS } from "../routes/endpoints.ts";
import { createLog } from "../routes/log.ts";
import { serve } from "../routes/serve.ts";
import { scripted } from "./model/service/jobs/scripted.ts";
import { student, withFolder, writeTinyModel } from "./model/tiny_model.ts";
import { fuzz, schemathesis, withoutTuples } from "./schemathesis.ts";

// deno-lint-ignore no-explicit-any -- JSON of many shapes
type Json = any;

Deno.test("withoutTuples() says of a tuple what any of its places may be, and keeps its length and all else", () => {
  const pair = { type: "array", prefixItems: [{ const: 1 }, { const: 2 }], items: false, minItems: 2, maxItems: 2 };
  assert.deepEqual(withoutTuples({ a: [pair], b: { items: pair, type: "array" }, c: null }), {
    a: [{ type: "array", items: { anyOf: [{ const: 1 }, { const: 2 }] }, minItems: 2, maxItems: 2 }],
    b: {
      type: "array",
      items: { type: "array", items: { anyOf: [{ const: 1 }, { const: 2 }] }, minItems: 2, maxItems: 2 },
    },
    c: null,
  });
});

Deno.test({
  name: `every answer is as the OpenAPI document says, whatever Schemathesis asks${
    schemathesis ? "" : " (skipped: there is no schemathesis 4; .ci/run installs it)"
  }`,
  ignore: !schemathesis,
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(join(root, "weights"), { distilled: [student(2)] });
      const { trainer, write } = scripted(join(root, "script.json")), lines: Json[] = [];
      await write({ act: "finish" });
      // A token of the file, as the administrator's is refused when Schemathesis has tried its own too often.
      const token = makeToken(), created = new Date().toISOString();
      const entry = { name: "fuzzer", scopes: [...SCOPES], sha256: digestOf(token).toString("hex"), created };
      await Deno.writeTextFile(join(root, "tokens.json"), formatTokens([entry]));
      const config = parseConfig({
        PORT: "0",
        MOLSTEP_HOST: "127.0.0.1",
        MOLSTEP_BACKEND: "wasm",
        MOLSTEP_THREADS: "1",
        MOLSTEP_VALIDATORS: "0",
        MOLSTEP_DRAIN_SECONDS: "0",
        MOLSTEP_DATA_DIR: join(root, "data"),
        MOLSTEP_TOKENS: join(root, "tokens.json"),
        MOLSTEP_MAX_WORK: "5000",
        MOLSTEP_MAX_HELD_WORK: "10000",
        MOLSTEP_MAX_REQUESTS: "4",
        MOLSTEP_MAX_BODY_BYTES: "2000",
        MOLSTEP_TIMEOUT_SECONDS: "20",
        // A conformer takes long.
        MOLSTEP_CONFORMER_MOLECULES: "2",
        MOLSTEP_CONFORMER_ATOMS: "12",
        MOLSTEP_CONFORMER_COUNT: "10",
        MOLSTEP_CONFORMER_TOTAL: "20",
        // Campaigns that end soon: a request for the events of one is answered as long as it goes on.
        MOLSTEP_CAMPAIGNS: "2",
        MOLSTEP_CAMPAIGN_DRAWS: "10000",
      });
      const log = createLog({ level: "debug", write: (line) => lines.push(JSON.parse(line)) });
      const entries = await listModels([join(root, "weights")], { data: config.dataDir });
      const service = serve(config, entries, log, { trainer });
      try {
        await service.ready;
        const url = `http://127.0.0.1:${service.port}`;
        const { success, report } = await fuzz(schemathesis!, { url, token, folder: root, examples: 10 });
        assert.ok(success, report);
        const answered = Map.groupBy(
          lines.filter(({ message }) => message === "request"),
          ({ method, path }) => shapeOf(method, path),
        );
        for (const { route: { method, path, hide } } of ENDPOINTS) {
          const what = `${method} ${path}`;
          if (hide || LUCK.includes(what)) continue;
          assert.ok(answered.get(what)?.some(({ status }) => status < 300), `${what} was never answered with 2xx`);
        }
        assert.deepEqual(lines.filter(({ message }) => message === "fault"), []);
      } finally {
        await service.stop();
      }
    }),
});

/** Only a round that runs can be cancelled, only one that has been, or a campaign that failed, can be resumed: that Schemathesis meets one is a matter of luck. */
const LUCK = ["delete /jobs/{id}", "post /jobs/{id}/resume", "post /campaigns/{id}/resume"];

/** Method and path of the route that a request went to. */
function shapeOf(method: string, path: string): string {
  const found = ENDPOINTS.find(({ route }) =>
    route.method === method.toLowerCase() && new RegExp(`^${route.path.replaceAll(/{\w+}/g, "[^/]+")}$`).test(path)
  );
  return found ? `${found.route.method} ${found.route.path}` : "none";
}
