import assert from "node:assert/strict";
import { withApp } from "./app_fixture.ts";

Deno.test("GET /docs and what it loads come from here, with a policy that lets nothing else in, and tags", () =>
  withApp(async (app) => {
    const page = await app.request("/docs"), html = await page.text();
    assert.equal(page.status, 200);
    assert.match(page.headers.get("content-type")!, /^text\/html/);
    const policy = page.headers.get("content-security-policy")!;
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.ok(!policy.includes("http") && !policy.includes("unsafe-eval") && !/script-src[^;]*unsafe/.test(policy));
    // A policy of 'self' runs no script that stands in the page.
    assert.ok(!/<script(?![^>]* src=)/.test(html) && !/ on\w+=/.test(html));

    const links = [...html.matchAll(/ (?:src|href)="([^"]+)"/g)].map(([, link]) => link).filter((l) => l !== "data:,");
    assert.ok(links.length >= 4);
    const texts = new Map<string, string>();
    for (const link of links) {
      assert.ok(!/^(\w+:|\/)/.test(link), `${link} is not relative`);
      const response = await app.request(`/${link}`);
      assert.equal(response.status, 200, link);
      texts.set(link, await response.text());
      if (link === "openapi.json") continue;
      assert.match(response.headers.get("content-type")!, /^text\/(javascript|css);/);
      assert.match(response.headers.get("cache-control")!, /max-age=[1-9]/);
      const { status } = await app.request(`/${link}`, { headers: { "If-None-Match": response.headers.get("etag")! } });
      assert.equal(status, 304);
    }
    assert.ok(texts.get("docs/swagger-ui-bundle.js")!.includes("SwaggerUIBundle"));
    assert.match(texts.get("docs/start.js")!, /url: "openapi.json"/);
    assert.ok(texts.get("docs/swagger-ui.css")!.includes(".swagger-ui"));
    const again = await app.request("/docs", { headers: { "If-None-Match": page.headers.get("etag")! } });
    assert.equal(again.status, 304);
  }));

Deno.test("GET /docs/{file} sends a large file a slice at a time, and the page leaves no token in the browser", () =>
  withApp(async (app) => {
    const response = await app.request("/docs/swagger-ui-bundle.js"), lengths: number[] = [];
    for await (const piece of response.body!) lengths.push(piece.length);
    assert.ok(lengths.length > 10 && Math.max(...lengths) <= 65_536, String(lengths));
    assert.ok(!(await (await app.request("/docs/start.js")).text()).includes("persistAuthorization"));
  }));

Deno.test("GET /docs/{file} has the page's files and no other, and GET / names the page", () =>
  withApp(async (app) => {
    for (const name of ["package.json", "..%2Fpackage.json", "constructor", "swagger-ui.css.map"]) {
      const response = await app.request(`/docs/${name}`);
      assert.equal(response.status, 404, name);
      assert.equal(response.headers.get("content-type"), "application/problem+json");
    }
    assert.equal((await (await app.request("/")).json()).docs, "GET /docs");
  }));
