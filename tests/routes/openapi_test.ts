import assert from "node:assert/strict";
import { ENDPOINTS } from "../../routes/endpoints.ts";
import { withApp } from "./app_fixture.ts";
import { ask, TOKEN } from "./jobs_fixture.ts";

// deno-lint-ignore no-explicit-any -- a document of many shapes
type Document = any;

const withDocument = (
  work: (document: Document, app: Parameters<Parameters<typeof withApp>[0]>[0]) => Promise<void> | void,
) => withApp(async (app) => await work(await (await app.request("/openapi.json")).json(), app), { adminToken: TOKEN });

Deno.test("GET /openapi.json describes each route that is not hidden, and no other", () =>
  withDocument(({ paths }) => {
    const told = Object.entries<object>(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`)
    );
    const shown = ENDPOINTS.filter(({ route }) => !route.hide).map(({ route: { method, path } }) =>
      `${method} ${path}`
    );
    assert.deepEqual(told.sort(), shown.sort());
    assert.ok(told.length > 10);
  }));

Deno.test("GET /openapi.json keeps what the schemas say: lengths of tuples, names of keys, keys that are sure by a default", () =>
  withDocument(({ components: { schemas }, paths }) => {
    const { minItems, maxItems } = schemas.GenerateRequest.properties.atoms.anyOf[1];
    assert.deepEqual([minItems, maxItems], [2, 2]);
    const { card } = schemas.ModelDetail.properties;
    assert.equal(card.properties.sizes.propertyNames.pattern, "^[1-9][0-9]*$");
    assert.ok(card.required.includes("distilled"));
    assert.ok(!schemas.DistillRequest.required);
    assert.ok(schemas.Job.properties.id && schemas.Job.required.includes("id"));
    const [limit, offset] = paths["/jobs"].get.parameters;
    assert.deepEqual([limit.name, limit.required, limit.schema], [
      "limit",
      false,
      { type: "integer", minimum: 1, maximum: 200, default: 50 },
    ]);
    assert.deepEqual(offset.schema, { type: "integer", minimum: 0, default: 0 });
  }));

Deno.test("the routes whose description has `security` are those that ask for the administrator's token", () =>
  withDocument(async ({ paths }, app) => {
    for (const { route: { method, path, hide } } of ENDPOINTS) {
      if (hide) continue;
      const { security, responses } = paths[path][method], at = path.replaceAll(/{\w+}/g, "none");
      const { status } = await app.request(at, { method: method.toUpperCase() });
      assert.equal(status === 401, security !== undefined, `${method} ${path}: ${status}`);
      assert.equal("401" in responses && "403" in responses, security !== undefined, path);
    }
  }));

Deno.test("statuses that routes answer with are described", () =>
  withDocument(async ({ paths }, app) => {
    for (const { route: { method, path, hide } } of ENDPOINTS) {
      if (hide) continue;
      const at = path.replaceAll(/{\w+}/g, "none"), { responses } = paths[path][method];
      for (const headers of [{}, { Accept: "text/html" }, { "Content-Type": "text/plain" }]) {
        const { status } = await ask(app, method.toUpperCase(), at, undefined, headers as Record<string, string>);
        assert.ok(responses[status], `${method} ${path} answers ${status}`);
      }
    }
  }));
