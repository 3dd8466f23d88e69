import assert from "node:assert/strict";
import { Hono } from "hono";
import { negotiate } from "../../routes/negotiate.ts";

const OFFERED = ["application/json", "chemical/x-xyz", "application/x-ndjson"] as const;

/** What is chosen for an Accept header; the status where none is. */
async function chosen(accept?: string): Promise<string | number> {
  const app = new Hono();
  app.get("/", (c) => c.text(negotiate(c, OFFERED)));
  app.onError((error, c) => c.text("", (error as Error & { status: 406 }).status));
  const response = await app.request("/", { headers: accept === undefined ? {} : { Accept: accept } });
  return response.ok ? await response.text() : response.status;
}

Deno.test("negotiate() takes the first on offer when the client has no preference", async () => {
  for (const accept of [undefined, "", "*/*", "text/html, */*;q=0.1", "application/*"]) {
    assert.equal(await chosen(accept), "application/json");
  }
});

Deno.test("negotiate() follows weights, and the most precise range", async () => {
  assert.equal(await chosen("chemical/x-xyz"), "chemical/x-xyz");
  assert.equal(await chosen("application/json;q=0.5, application/x-ndjson"), "application/x-ndjson");
  assert.equal(await chosen("application/*, application/json;q=0"), "application/x-ndjson");
  assert.equal(await chosen("Chemical/X-XYZ; q=0.9, */*;q=0.1"), "chemical/x-xyz");
});

Deno.test("negotiate() answers 406 when nothing on offer is wanted", async () => {
  for (const accept of ["text/html", "*/*;q=0", "application/xml, text/*"]) assert.equal(await chosen(accept), 406);
});
