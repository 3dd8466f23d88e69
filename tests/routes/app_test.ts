import assert from "node:assert/strict";
import { modelDetail, modelList } from "../../routes/models.ts";
import { problemSchema } from "../../routes/problem.ts";
import { post, withApp } from "./app_fixture.ts";

Deno.test("GET /models lists the models, and /models/{name} gives the card", () =>
  withApp(async (app) => {
    const { models } = modelList.parse(await (await app.request("/models")).json());
    assert.deepEqual(models.map(({ name, sizes, loaded }) => ({ name, sizes, loaded })), [
      { name: "other", sizes: [3, 5], loaded: false },
      { name: "qm9", sizes: [3, 5], loaded: false },
    ]);
    await post(app, { count: 1, steps: 1 });
    const detail = modelDetail.parse(await (await app.request("/models/qm9")).json());
    assert.equal(detail.card.name, "qm9");
    assert.equal(detail.backend?.name, "cpu");
    const absent = await app.request("/models/zinc");
    assert.equal(absent.status, 404);
    assert.deepEqual(problemSchema.parse(await absent.json()).availableModels, ["other", "qm9"]);
  }, { models: [{}, { name: "other" }] }));

Deno.test("GET /health/live and /health/ready tell the state of the service", async () => {
  for (const [state, status] of [["starting", 503], ["ready", 200], ["draining", 503], ["failed", 503]] as const) {
    await withApp(async (app) => {
      assert.equal((await app.request("/health/live")).status, 200);
      const ready = await app.request("/health/ready");
      assert.equal(ready.status, status);
      if (status === 503) assert.match(problemSchema.parse(await ready.json()).detail, new RegExp(state));
    }, { state });
  }
});

Deno.test("POST /generate answers 503 when the service is shutting down", () =>
  withApp(async (app) => {
    assert.equal((await post(app, { count: 1, steps: 1 })).status, 503);
  }, { state: "draining" }));

Deno.test("createApp() answers what it does not know with problem documents", () =>
  withApp(async (app) => {
    const lost = await app.request("/nowhere");
    assert.equal(lost.status, 404);
    assert.equal(lost.headers.get("content-type"), "application/problem+json");
    assert.match(problemSchema.parse(await lost.json()).detail, /there are .*\/generate/);
    for (
      const [method, path, allow] of [["GET", "/generate", "POST, OPTIONS"], ["POST", "/models", "GET, HEAD, OPTIONS"]]
    ) {
      const response = await app.request(path, { method });
      assert.equal(response.status, 405);
      assert.equal(response.headers.get("allow"), allow);
      assert.equal(problemSchema.parse(await response.json()).status, 405);
    }
    const options = await app.request("/generate", { method: "OPTIONS" });
    assert.deepEqual([options.status, options.headers.get("allow")], [204, "POST, OPTIONS"]);
    const head = await app.request("/models", { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    assert.equal((await app.request("/models", { headers: { Accept: "text/html" } })).status, 406);
  }));

Deno.test("createApp() keeps a request id that is sound and makes one where it is not", () =>
  withApp(async (app, { lines }) => {
    const id = async (given?: string) =>
      (await app.request("/models", { headers: given ? { "X-Request-Id": given } : {} })).headers.get("x-request-id")!;
    assert.equal(await id("abc-1"), "abc-1");
    assert.equal(lines.at(-1)!.requestId, "abc-1");
    assert.match(await id("not sound"), /^[0-9a-f-]{36}$/);
    assert.notEqual(await id(), await id());
  }));

Deno.test("createApp() hides the details of a fault of its own and logs them", () =>
  withApp(async (app, { lines }) => {
    // The card is listed, but its weights are gone.
    const response = await post(app, { count: 1, steps: 2, sampler: "distilled" });
    assert.equal(response.status, 500);
    const body = problemSchema.parse(await response.json());
    assert.doesNotMatch(JSON.stringify(body), /safetensors|\/tmp/);
    assert.equal(lines.find(({ message }) => message === "generation")!.outcome, "failed");
    const fault = lines.find(({ message }) => message === "fault")!;
    assert.equal(fault.requestId, body.requestId);
    assert.match(String(fault.error), /d2\.safetensors/);
  }, {
    models: [{ distilled: [{ steps: 2, file: "d2.safetensors", variant: "ddim", teacher: "qm9", version: "1" }] }],
    damage: ["qm9/d2.safetensors"],
  }));

Deno.test("GET /openapi.json describes every route, with no reference that leads nowhere", () =>
  withApp(async (app) => {
    const document = await (await app.request("/openapi.json")).json();
    assert.equal(document.openapi, "3.1.0");
    assert.deepEqual(Object.keys(document.paths).sort(), [
      "/campaigns",
      "/campaigns/{id}",
      "/campaigns/{id}/events",
      "/campaigns/{id}/results",
      "/campaigns/{id}/resume",
      "/conformers",
      "/data",
      "/data/{id}",
      "/distill",
      "/generate",
      "/generate/path",
      "/health/live",
      "/health/ready",
      "/jobs",
      "/jobs/{id}",
      "/jobs/{id}/events",
      "/jobs/{id}/resume",
      "/metrics",
      "/models",
      "/models/{name}",
      "/models/{name}/steps/{steps}",
      "/v1/generate",
      "/v1/health/live",
      "/v1/health/ready",
    ]);
    const { properties, required, additionalProperties } = document.components.schemas.GenerateRequest;
    assert.deepEqual(required, ["steps"]); // and `count`, or `want`
    assert.equal(additionalProperties, false);
    assert.equal(properties.count.maximum, 1000);
    for (const [, name] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      assert.ok(document.components.schemas[name], name);
    }
    assert.doesNotMatch(JSON.stringify(document), /#\/\$defs/);
    const index = await (await app.request("/")).json();
    assert.equal(index.version, document.info.version);
  }));
