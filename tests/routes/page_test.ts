import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { isId } from "../../routes/page/app/address.js";
import { withApp } from "./app_fixture.ts";

type App = Parameters<Parameters<typeof withApp>[0]>[0];

const HTML = { Accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8" };

const pageOf = async (app: App) => (await app.request("/", { headers: HTML })).text();

/** Folder that the page's files are in, without a slash. */
const folderOf = (html: string) => /href="(page\/[\w-]+)\/app.css"/.exec(html)![1];

Deno.test("GET / is the page where HTML is preferred, as by browsers, and the JSON index for all others", () =>
  withApp(async (app) => {
    for (const accept of [HTML.Accept, "text/html", "application/json;q=0.5, text/html"]) {
      const response = await app.request("/", { headers: { Accept: accept } });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
      assert.match(await response.text(), /^<!doctype html>/);
      assert.match(response.headers.get("vary")!, /\bAccept\b(?!-)/);
      assert.equal(response.headers.get("cache-control"), "no-cache");
      const tag = response.headers.get("etag")!;
      assert.equal((await app.request("/", { headers: { Accept: accept, "If-None-Match": tag } })).status, 304);
    }
    for (const accept of [undefined, "*/*", "application/json", "text/html;q=0.5, application/json", "image/png"]) {
      const response = await app.request("/", { headers: accept === undefined ? {} : { Accept: accept } });
      assert.equal((await response.json()).name, "Molstep", String(accept));
      assert.match(response.headers.get("vary")!, /\bAccept\b(?!-)/);
    }
  }));

Deno.test("the page's policy lets in its own files alone, and one inline script by its digest: the import map", () =>
  withApp(async (app) => {
    const response = await app.request("/", { headers: HTML }), html = await response.text();
    const policy = Object.fromEntries(
      response.headers.get("content-security-policy")!.split("; ").map((one) => {
        const [name, ...values] = one.split(" ");
        return [name, values];
      }),
    );
    const inline = [...html.matchAll(/<script(?![^>]* src=)[^>]*>([^]*?)<\/script>/g)].map(([, text]) => text);
    assert.equal(inline.length, 1);
    assert.ok(JSON.parse(inline[0]).imports.preact);
    const digest = createHash("sha256").update(inline[0]).digest("base64");
    assert.deepEqual(policy["script-src"], ["'self'", `'sha256-${digest}'`]);
    assert.deepEqual(policy["default-src"], ["'none'"]);
    assert.deepEqual(policy["style-src"], ["'self'"]);
    assert.deepEqual(policy["connect-src"], ["'self'"]);
    assert.deepEqual(policy["frame-ancestors"], ["'none'"]);
    assert.deepEqual(policy["require-trusted-types-for"], ["'script'"]);
    assert.ok(!/https?:|unsafe|\*/.test(response.headers.get("content-security-policy")!));
    assert.ok(!/ on\w+=| style=/.test(html));
  }));

Deno.test("every file that the page, its modules and its worker name is served: for good, compressed, with tags", () =>
  withApp(async (app) => {
    const html = await pageOf(app),
      folder = folderOf(html),
      { imports } = JSON.parse(/importmap">(.*?)</.exec(html)![1]);
    const names = new Set(
      [...html.matchAll(/(?:src|href)="(page\/[^"]+)"/g)].map(([, name]) => name.slice(folder.length + 1)),
    );
    const looked: string[] = [],
      types: Record<string, string> = {
        js: "text/javascript; charset=utf-8",
        css: "text/css; charset=utf-8",
        svg: "image/svg+xml",
        wasm: "application/wasm",
      };
    for (const name of names) {
      const response = await app.request(`/${folder}/${name}`, { headers: { "Accept-Encoding": "gzip" } });
      assert.equal(response.status, 200, name);
      assert.equal(response.headers.get("content-type"), types[name.split(".").at(-1)!], name);
      assert.equal(response.headers.get("cache-control"), "public, max-age=31536000, immutable");
      assert.equal(response.headers.get("content-encoding"), "gzip", name);
      const text = gunzipSync(new Uint8Array(await response.arrayBuffer())).toString(),
        tag = response.headers.get("etag")!;
      assert.equal((await app.request(`/${folder}/${name}`, { headers: { "If-None-Match": tag } })).status, 304);
      const plain = await app.request(`/${folder}/${name}`);
      assert.equal(plain.headers.get("content-encoding"), null);
      assert.equal((await plain.arrayBuffer()).byteLength > 100, true);
      looked.push(name);
      if (!name.endsWith(".js") || ["3dmol.js", "rdkit.js"].includes(name)) continue;
      // What modules import, and what they load by name.
      for (const [, from] of text.matchAll(/(?:from\s*|import\()"([^"]+)"/g)) {
        if (from.startsWith("./")) names.add(from.slice(2));
        else {
          assert.ok(imports[from], `${name} imports ${from}`);
          names.add(imports[from].slice(folder.length + 3));
        }
      }
      for (const [, file] of text.matchAll(/"(?:\.\/)?([\w]+\.(?:js|wasm))"/g)) names.add(file);
    }
    for (
      const name of [
        "app.js",
        "app.css",
        "icon.svg",
        "preact.js",
        "hooks.js",
        "htm.js",
        "3dmol.js",
        "depict_worker.js",
        "rdkit.js",
        "rdkit.wasm",
      ]
    ) {
      assert.ok(looked.includes(name), name);
    }
    // All modules that are needed at once are asked for at once; the large ones wait for a molecule.
    const preloaded = [...html.matchAll(/modulepreload" href="page\/[\w-]+\/([^"]+)"/g)].map(([, name]) => name);
    assert.ok(preloaded.includes("card.js") && preloaded.includes("htm.js"));
    assert.ok(!preloaded.some((name) => /3dmol|rdkit|worker/.test(name)));
    const unused = (await Array.fromAsync(Deno.readDir(new URL("../../routes/page/app", import.meta.url)))).filter((
      { name },
    ) => !names.has(name));
    assert.deepEqual(unused, []);
  }));

Deno.test("GET /page/{version}/{file}: another version gets what there is and may not keep it; other names are not found", () =>
  withApp(async (app) => {
    const folder = folderOf(await pageOf(app)), old = await app.request("/page/of-yesterday/app.js");
    assert.equal(old.status, 200);
    assert.equal(old.headers.get("cache-control"), "no-cache");
    for (const name of ["package.json", "..%2Fpage.ts", "constructor", "browser.json", "3dmol.js.map"]) {
      const response = await app.request(`/${folder}/${name}`);
      assert.equal(response.status, 404, name);
      assert.equal(response.headers.get("content-type"), "application/problem+json");
    }
  }));

Deno.test("GET /page/{version}/{file}: functions of text are for the worker with RDKit.js alone", () =>
  withApp(async (app) => {
    const folder = folderOf(await pageOf(app)),
      policyOf = async (name: string) =>
        (await app.request(`/${folder}/${name}`)).headers.get("content-security-policy");
    assert.equal(
      await policyOf("depict_worker.js"),
      "default-src 'none'; script-src 'self' 'unsafe-eval'; connect-src 'self'",
    );
    assert.equal(await policyOf("app.js"), null);
  }));

Deno.test("isId() takes no text of an address for an id that would lead a request to another path", () => {
  assert.ok(isId(crypto.randomUUID()));
  for (const text of ["..", "../jobs/1", "a/b", "a?b=c", "a#b", "%2e%2e", "", 7, undefined]) {
    assert.ok(!isId(text), `${text}`);
  }
});

Deno.test("GET / needs no token where all else does, and the page keeps one in the tab's storage alone", () =>
  withApp(async (app) => {
    const html = await pageOf(app), service = await (await app.request(`/${folderOf(html)}/service.js`)).text();
    assert.ok(service.includes("sessionStorage") && !/localStorage|document\.cookie/.test(service));
    assert.equal((await app.request("/models")).status, 401);
  }, { adminToken: "a-token-of-a-test-1234", openScopes: [] }));

const PAGE = new URL("../../routes/page/", import.meta.url);

Deno.test("the page's modules have no type errors, checked with the packages that are served", async () => {
  const read = async (url: URL) => JSON.parse(await Deno.readTextFile(url)).imports as Record<string, string>;
  const own = await read(new URL("browser.json", PAGE)),
    service = await read(new URL("../../deno.json", import.meta.url));
  for (const [name, version] of Object.entries(own)) assert.equal(version, service[name], name);
  const files = (await Array.fromAsync(Deno.readDir(new URL("app", PAGE)))).filter(({ name }) => name.endsWith(".js"));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--config", "browser.json", ...files.map(({ name }) => `app/${name}`)],
    cwd: fileURLToPath(PAGE),
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
