import assert from "node:assert/strict";
import type { z } from "zod";
import { ENDPOINTS } from "../../routes/endpoints.ts";
import { readSdf } from "../../chem/sdf.ts";
import { readXyz } from "../../chem/xyz.ts";
import { GENERATE_TEXTS } from "../../routes/examples.ts";
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
    assert.deepEqual(offset.schema, { type: "integer", minimum: 0, maximum: 1_000_000_000, default: 0 });
  }));

Deno.test("GET /openapi.json describes an event of a stream field by field, and its data by the schema of what it holds", () =>
  withDocument(({ components: { schemas }, paths }) => {
    const { schema } = paths["/jobs/{id}/events"].get.responses[200].content["text/event-stream"];
    assert.deepEqual(schema, { $ref: "#/components/schemas/StreamedJobEvent" });
    const { data } = schemas.StreamedJobEvent.properties;
    assert.deepEqual([data.type, data.contentMediaType], ["string", "application/json"]);
    assert.deepEqual(data.contentSchema, { $ref: "#/components/schemas/JobEvent" });
    assert.ok(schemas.JobEvent.anyOf.length > 0);
  }));

for (const openScopes of [[], ["generate"], ["generate", "read"]] as const) {
  Deno.test(`the document's \`security\` is what routes ask for, and has no token beside it where they are open: ${openScopes.join() || "none"}`, () =>
    withApp(async (app) => {
      const { paths, components } = await (await app.request("/openapi.json")).json();
      assert.deepEqual(Object.keys(components.securitySchemes), ["token"]);
      for (const { route: { method, path, hide, scopes } } of ENDPOINTS) {
        if (hide) continue;
        const { security, responses, ...told } = paths[path][method], at = path.replaceAll(/{\w+}/g, "none");
        const { status } = await app.request(at, { method: method.toUpperCase() }),
          what = `${method} ${path}: ${status}`;
        const open = security === undefined || JSON.stringify(security[0]) === "{}";
        assert.equal(status === 401, !open, what);
        assert.equal("401" in responses && "403" in responses && "429" in responses, !open, what);
        const named = (security ?? []).flatMap((one: { token?: string[] }) => one.token ?? []);
        assert.deepEqual(named, [...scopes], what);
        assert.ok(!("scopes" in told) && !("middleware" in told), what);
      }
    }, { adminToken: TOKEN, openScopes }));
}

Deno.test("examples of the document follow their schemas, and each route that takes a body has some", () =>
  withDocument(({ paths }) => {
    let checked = 0;
    for (const { route: { method, path, request, responses, hide } } of ENDPOINTS) {
      if (hide) continue;
      const told = paths[path][method], bodies = [{ own: request?.body?.content, told: told.requestBody?.content }];
      for (const [status, response] of Object.entries(responses)) {
        bodies.push({
          own: (response as { content?: Record<string, unknown> }).content as typeof bodies[0]["own"],
          told: told.responses[status].content,
        });
      }
      if (request?.body) {
        const { content } = told.requestBody, types = Object.values<{ examples?: object }>(content);
        const all = content["application/json"] ? [content["application/json"]] : types;
        assert.ok(all.some(({ examples = {} }) => Object.keys(examples).length > 0), path);
      }
      for (const { own, told } of bodies) {
        for (const [type, media] of Object.entries(own ?? {})) {
          const schema = (media as { schema: z.ZodType }).schema;
          for (const [name, { value }] of Object.entries<{ value: unknown }>(told[type].examples ?? {})) {
            const { error } = schema.safeParse(value);
            assert.equal(error, undefined, `${method} ${path}, ${type}, ${name}: ${error}`);
            checked++;
          }
        }
      }
    }
    assert.ok(checked > 10);
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

Deno.test("examples of molecules in the document's texts can be read, and are one molecule", () => {
  const [{ title, molecule, bonds, data }] = readSdf(GENERATE_TEXTS.sdf["A molecule"]);
  assert.equal(title, "molstep-1-0");
  assert.deepEqual([molecule.atomicNumbers.length, bonds.length, data.smiles], [7, 7, "C1CO1"]);
  assert.deepEqual(readXyz(GENERATE_TEXTS.xyz["A molecule"])[0].molecule, molecule);
  assert.equal(JSON.parse(GENERATE_TEXTS.ndjson["A molecule"]).smiles, "C1CO1");
});
