import assert from "node:assert/strict";
import { parseConfig } from "../../routes/config.ts";
import { post, withApp } from "./app_fixture.ts";

const LAB = "https://lab.example", asked = { count: 1, steps: 1 };

/** Names of `Access-Control-` headers of an answer. */
const told = (response: Response) => [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));

const preflight = (origin: string, method: string, headers?: string): RequestInit => ({
  method: "OPTIONS",
  headers: {
    Origin: origin,
    "Access-Control-Request-Method": method,
    ...headers && { "Access-Control-Request-Headers": headers },
  },
});

const words = (response: Response, name: string) =>
  response.headers.get(name)!.split(/, */).map((word) => word.toLowerCase());

Deno.test("pages of other origins are told nothing where no origin is configured", () =>
  withApp(async (app) => {
    const response = await post(app, asked, { Origin: LAB });
    assert.deepEqual([response.status, told(response)], [200, []]);
    const options = await app.request("/generate", preflight(LAB, "POST"));
    assert.deepEqual([options.status, options.headers.get("allow"), told(options)], [204, "POST, OPTIONS", []]);
  }));

Deno.test("pages of a configured origin may ask and read, preflights ask for no token, and others' and credentials are not allowed", () =>
  withApp(async (app) => {
    const response = await post(app, asked, { Origin: LAB, Authorization: "Bearer a-token-of-a-test-1234" });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("access-control-allow-origin"), LAB);
    assert.equal(response.headers.get("access-control-allow-credentials"), null);
    assert.ok(words(response, "vary").includes("origin") && words(response, "vary").includes("accept"));
    const shown = words(response, "access-control-expose-headers");
    for (
      const name of ["x-request-id", "retry-after", "location", "molstep-seed", "molstep-grid", "www-authenticate"]
    ) {
      assert.ok(shown.includes(name), name);
    }
    const { status, headers } = await post(app, asked, { Origin: LAB }); // refusals can be read, too
    assert.deepEqual([status, headers.get("access-control-allow-origin")], [401, LAB]);
    assert.equal(headers.get("content-type"), "application/problem+json");

    const fresh = await app.request("/openapi.json", { headers: { Origin: LAB } });
    const same = { Origin: LAB, "If-None-Match": fresh.headers.get("etag")! };
    const unchanged = await app.request("/openapi.json", { headers: same }); // a page that asks so itself is to see it
    assert.deepEqual([unchanged.status, unchanged.headers.get("access-control-allow-origin")], [304, LAB]);
    assert.ok(words(unchanged, "access-control-expose-headers").includes("etag"));

    const before = await app.request("/jobs/1", preflight(LAB, "DELETE", "authorization"));
    assert.equal(before.status, 204);
    assert.equal(before.headers.get("access-control-allow-origin"), LAB);
    assert.ok(words(before, "access-control-allow-methods").includes("delete"));
    assert.ok(words(before, "access-control-allow-headers").includes("authorization"));
    assert.ok(words(before, "vary").includes("origin"));
    assert.equal(before.headers.get("access-control-max-age"), "600");

    for (const origin of ["https://evil.example", "http://lab.example", `${LAB}:8443`, `${LAB}.evil.example`, "null"]) {
      for (
        const answer of [
          await post(app, asked, { Origin: origin }),
          await app.request("/generate", preflight(origin, "POST")),
        ]
      ) {
        assert.equal(answer.headers.get("access-control-allow-origin"), null, origin);
        assert.ok(words(answer, "vary").includes("origin"));
      }
    }
    const plain = await app.request("/generate", { method: "OPTIONS" });
    assert.deepEqual([plain.status, plain.headers.get("allow")], [204, "POST, OPTIONS"]);
  }, { corsOrigins: [LAB], adminToken: "a-token-of-a-test-1234", openScopes: [] }));

Deno.test("parseConfig() takes whole origins and nothing that stands for more", () => {
  const origins = (text: string) => parseConfig({ MOLSTEP_CORS_ORIGINS: text }).corsOrigins;
  assert.deepEqual(parseConfig({}).corsOrigins, []);
  assert.deepEqual(origins(`${LAB}, http://localhost:5173`), [LAB, "http://localhost:5173"]);
  for (
    const text of [
      "*",
      "null",
      "lab.example",
      `${LAB}/`,
      `${LAB}:443`,
      "https://*.example/",
      "file://",
      "https://LAB.example",
    ]
  ) {
    assert.throws(() => origins(text), /MOLSTEP_CORS_ORIGINS/, text);
  }
});
