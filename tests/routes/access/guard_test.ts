import assert from "node:assert/strict";
import { SCOPES } from "../../../routes/access/scopes.ts";
import { ENDPOINTS } from "../../../routes/endpoints.ts";
import { problemSchema } from "../../../routes/problem.ts";
import { type FixtureOptions, post, withApp } from "../app_fixture.ts";
import { student } from "../../model/tiny_model.ts";
import { bearer, made } from "./tokens.ts";

const ADMIN_TOKEN = "a-token-of-a-test-1234";
const TOKENS = {
  generate: made("robot", ["generate"]),
  read: made("scraper", ["read"]),
  admin: made("anna", ["admin"]),
};
const list = { tokens: Object.values(TOKENS).map(({ entry }) => entry) };
const closed: FixtureOptions = { tokens: list, adminToken: ADMIN_TOKEN };

type App = Parameters<Parameters<typeof withApp>[0]>[0];

const at = (path: string) => path.replaceAll(/{\w+}/g, "none");

/** Routes that let somebody with these headers in. */
async function entered(app: App, headers: Record<string, string>): Promise<string[]> {
  const found: string[] = [];
  for (const { route: { method, path } } of ENDPOINTS) {
    const { status } = await app.request(at(path), { method: method.toUpperCase(), headers });
    if (status !== 401 && status !== 403) found.push(`${method.toUpperCase()} ${path}`);
  }
  return found;
}

const OPEN = ["GET /", "GET /openapi.json", "GET /health/live", "GET /health/ready"];
const MODELS = ["GET /models", "GET /models/{name}"];
const JOBS = ["GET /jobs", "GET /jobs/{id}", "GET /jobs/{id}/events"];
const DATA = ["POST /data", "GET /data", "GET /data/{id}", "DELETE /data/{id}"];
const ADMIN = [
  ...DATA,
  "POST /distill",
  "DELETE /jobs/{id}",
  "POST /jobs/{id}/resume",
  "DELETE /models/{name}/steps/{steps}",
];

/** Whether these routes, of those that are listed here, are let in. */
const assertEntered = (found: string[], expected: string[], what: string) => {
  const known = [...OPEN, ...MODELS, ...JOBS, ...ADMIN, "POST /generate"];
  assert.deepEqual(found.filter((one) => known.includes(one)).sort(), [...expected].sort(), what);
};

Deno.test("each scope lets in where it is asked for, admin everywhere, and no token where nothing is asked", () =>
  withApp(async (app) => {
    assertEntered(await entered(app, {}), OPEN, "no token");
    assertEntered(await entered(app, bearer(TOKENS.generate.text)), [...OPEN, ...MODELS, "POST /generate"], "generate");
    assertEntered(await entered(app, bearer(TOKENS.read.text)), [...OPEN, ...MODELS, ...JOBS], "read");
    for (const text of [TOKENS.admin.text, ADMIN_TOKEN]) {
      assert.equal((await entered(app, bearer(text))).length, ENDPOINTS.length, "admin");
    }
  }, closed));

Deno.test("without a file of tokens generation is open, and jobs ask for MOLSTEP_ADMIN_TOKEN; openScopes opens more, or nothing", async () => {
  await withApp(
    async (app) => assertEntered(await entered(app, {}), [...OPEN, ...MODELS, "POST /generate"], "default"),
    {
      adminToken: ADMIN_TOKEN,
    },
  );
  await withApp(async (app) => assertEntered(await entered(app, {}), OPEN, "none"), {
    adminToken: ADMIN_TOKEN,
    openScopes: [],
  });
  for (const options of [closed, {}]) {
    await withApp(
      async (app) =>
        assertEntered(await entered(app, {}), [...OPEN, ...MODELS, ...JOBS, "POST /generate"], "generate and read"),
      { ...options, openScopes: ["generate", "read"] },
    );
  }
  await withApp(async (app) => assertEntered(await entered(app, {}), [...OPEN, ...MODELS, ...JOBS], "read"), {
    ...closed,
    openScopes: ["read"],
  });
});

Deno.test("refusals are problem documents with the challenge of RFC 6750, and name the scope that is asked", () =>
  withApp(async (app, { lines }) => {
    const refused = async (path: string, headers: Record<string, string>, status: number) => {
      const response = await app.request(path, { headers }), body = problemSchema.parse(await response.json());
      assert.deepEqual([response.status, body.status], [status, status]);
      assert.equal(response.headers.get("content-type"), "application/problem+json");
      return { challenge: response.headers.get("www-authenticate"), ...body };
    };
    const absent = await refused("/jobs", {}, 401);
    assert.equal(absent.challenge, 'Bearer realm="molstep"'); // no error where no token is given
    assert.equal(absent.detail, "GET /jobs asks for a token of scope read in Authorization: Bearer; none is given");
    assert.equal((await refused("/jobs", { Authorization: "Basic YTpi" }, 401)).challenge, 'Bearer realm="molstep"');
    const unknown = await refused("/models", bearer("made-up"), 401);
    assert.equal(unknown.challenge, 'Bearer realm="molstep", error="invalid_token"');
    assert.match(
      unknown.detail,
      /^GET \/models asks for a token of scope generate or read; the one given is not known$/,
    );
    const expired = await refused("/models", bearer(old.text), 401);
    assert.equal(expired.challenge, 'Bearer realm="molstep", error="invalid_token"');
    assert.match(expired.detail, /the token old has expired on 2026-01-01T00:00:00Z$/);
    const lacking = await refused("/jobs/7", bearer(TOKENS.generate.text), 403);
    assert.equal(lacking.challenge, 'Bearer realm="molstep", error="insufficient_scope", scope="read"');
    assert.equal(lacking.type, "urn:molstep:problem:insufficient-scope");
    assert.match(lacking.detail, /^GET \/jobs\/{id} asks for a token of scope read; the token robot has generate$/);
    assert.deepEqual(
      lines.filter(({ message }) => message === "token refused").map((
        { level, why, token, path },
      ) => [level, why, token, path]),
      [
        ["warn", "unknown", undefined, "/models"],
        ["warn", "expired", "old", "/models"],
        ["warn", "scope", "robot", "/jobs/7"],
      ],
    );
  }, { ...closed, tokens: { tokens: [...list.tokens, old.entry] } }));

const old = made("old", ["read"], { expires: "2026-01-01T00:00:00Z" });

Deno.test("a service without tokens says which variables to set, and for what can be open that, too", () =>
  withApp(async (app) => {
    const detail = async (method: string, path: string) => {
      const response = await app.request(path, { method }), body = problemSchema.parse(await response.json());
      assert.deepEqual([response.status, body.type], [403, "urn:molstep:problem:no-tokens"]);
      return body.detail;
    };
    assert.match(await detail("POST", "/distill"), /MOLSTEP_TOKENS or MOLSTEP_ADMIN_TOKEN set to use this route$/);
    assert.match(await detail("GET", "/jobs"), /, or open it by MOLSTEP_OPEN_SCOPES=read$/);
  }));

Deno.test("the eleventh wrong token of a client in a minute is answered 429 with Retry-After, by the address behind trusted proxies", () =>
  withApp(async (app, { lines }) => {
    const ask = (text: string, address: string, headers: Record<string, string> = {}) =>
      app.request("/jobs", { headers: { ...bearer(text), ...headers } }, { address });
    const statuses: number[] = [];
    for (let count = 0; count < 12; count++) statuses.push((await ask(`guess-${count}`, "198.51.100.7")).status);
    assert.deepEqual(statuses, [...Array(10).fill(401), 429, 429]);
    const refused = await ask(ADMIN_TOKEN, "198.51.100.7"), after = Number(refused.headers.get("retry-after"));
    const body = problemSchema.parse(await refused.json());
    assert.deepEqual([refused.status, body.type], [429, "urn:molstep:problem:too-many-failures"]);
    assert.ok(after > 50 && after <= 60, String(after));
    assert.match(body.detail, new RegExp(`try again in ${after} s$`));
    assert.equal((await ask(ADMIN_TOKEN, "198.51.100.8")).status, 200);
    assert.equal((await ask(ADMIN_TOKEN, "10.0.0.1")).status, 200);
    assert.equal((await ask(ADMIN_TOKEN, "10.0.0.1", { "X-Forwarded-For": "198.51.100.7" })).status, 429);
    // Whoever has a token of the file is not locked out by others at the same address.
    assert.equal((await ask(TOKENS.read.text, "198.51.100.7")).status, 200);
    assert.equal((await app.request("/jobs", {}, { address: "198.51.100.7" })).status, 401);
    // An IPv6 host has a whole network to guess from.
    for (let count = 0; count < 10; count++) await ask(`guess-${count}`, `2001:db8::${count}`);
    assert.equal((await ask("guess", "2001:db8::ffff")).status, 429);
    assert.equal(lines.filter(({ message }) => message === "token refused").length, 20);
  }, { ...closed, trustedProxies: ["10.0.0.0/8"] }));

Deno.test("where generation is open a token that is not known is none, and is counted all the same", () =>
  withApp(async (app) => {
    const address = "198.51.100.7", asked = { count: 1, steps: 1 };
    for (let count = 0; count < 12; count++) {
      assert.equal((await post(app, asked, bearer(`guess-${count}`), { address })).status, 200);
    }
    assert.equal((await app.request("/jobs", { headers: bearer(ADMIN_TOKEN) }, { address })).status, 429);
    assert.equal((await post(app, asked, bearer(ADMIN_TOKEN), { address })).status, 200);
  }, { adminToken: ADMIN_TOKEN }));

Deno.test("shares of the service go by the token's name, whatever the address", () =>
  withApp(async (app, { queue, lines }) => {
    const asked = { count: 1, steps: 1 }, slot = queue.enter(undefined, { work: 1000, client: "robot" });
    const from = (text: string, address: string) => post(app, asked, bearer(text), { address });
    for (const address of ["198.51.100.7", "198.51.100.8"]) {
      assert.equal((await from(TOKENS.generate.text, address)).status, 429);
      assert.equal((await from(TOKENS.admin.text, address)).status, 200);
    }
    const requests = lines.filter(({ message }) => message === "request");
    assert.deepEqual(requests.map(({ token, address }) => [token, address]), [
      ["robot", "198.51.100.7"],
      ["anna", "198.51.100.7"],
      ["robot", "198.51.100.8"],
      ["anna", "198.51.100.8"],
    ]);
    slot.leave();
    assert.equal((await from(TOKENS.generate.text, "198.51.100.7")).status, 200);
  }, { ...closed, queue: { limit: 2, share: 0.5 } }));

Deno.test("what an administrator does is in the log: who, what, which job, from where, by which request; no token or digest is", () =>
  withApp(async (app, { lines }) => {
    const does = async (method: string, path: string, text: string, body?: object) =>
      await app.request(path, {
        method,
        headers: { ...bearer(text), "Content-Type": "application/json", "X-Request-Id": `${method}-1` },
        ...body && { body: JSON.stringify(body) },
      }, { address: "198.51.100.7" });
    const { id } = await (await does("POST", "/distill", TOKENS.admin.text, { from: 8, updates: 5 })).json();
    await does("DELETE", `/jobs/${id}`, ADMIN_TOKEN);
    await does("POST", "/jobs/none/resume", TOKENS.admin.text);
    await does("DELETE", "/models/qm9/steps/2", TOKENS.admin.text);
    await does("GET", `/jobs/${id}`, TOKENS.admin.text); // looking is no act
    await does("DELETE", "/models/qm9/steps/2", "made-up"); // nor is being refused
    const act = (
      act: string,
      method: string,
      path: string,
      token: string,
      job: string | undefined,
      status: number,
    ) => ({
      level: "info",
      message: "audit",
      requestId: `${method}-1`,
      token,
      act,
      method,
      path,
      address: "198.51.100.7",
      job,
      status,
    });
    assert.deepEqual(lines.filter(({ message }) => message === "audit"), [
      act("distill", "POST", "/distill", "anna", id, 202),
      act("cancelJob", "DELETE", `/jobs/${id}`, "admin", id, 202),
      act("resumeJob", "POST", "/jobs/none/resume", "anna", "none", 404),
      act("removeSteps", "DELETE", "/models/qm9/steps/2", "anna", undefined, 204),
    ]);
    const text = JSON.stringify(lines);
    for (
      const secret of [
        ADMIN_TOKEN,
        "made-up",
        ...Object.values(TOKENS).flatMap(({ text, entry }) => [text, entry.sha256]),
      ]
    ) {
      assert.ok(!text.includes(secret));
    }
  }, { ...closed, models: [{ distilled: [student(2)] }], script: { act: "hold" } }));

Deno.test("every route but the index, the files of page and document and the probes asks for a scope", () => {
  for (const { route: { method, path, scopes } } of ENDPOINTS) {
    assert.ok(scopes.every((scope) => SCOPES.includes(scope)), path);
    const free = path === "/" || path === "/openapi.json" || path.startsWith("/docs") ||
      path.startsWith("/page/") || /^(\/v1)?\/health\//.test(path);
    assert.equal(scopes.length === 0, free, `${method} ${path}`);
    if (method === "get" || scopes.join() === "generate") continue;
    assert.deepEqual(scopes, [path.startsWith("/campaigns") ? "campaign" : "admin"], path);
  }
});
