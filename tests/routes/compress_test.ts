import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants, gunzipSync } from "node:zlib";
import { Hono } from "hono";
import { compressed, gzipped } from "../../routes/compress.ts";
import { MEDIA_TYPES } from "../../routes/generate_schema.ts";
import { post, withApp } from "./app_fixture.ts";

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

/** As far as it goes: it need not be at its end. */
const unpacked = (bytes: Uint8Array) =>
  new TextDecoder().decode(gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }));

Deno.test("answers are compressed where the client takes gzip, and say that they vary", () =>
  withApp(async (app) => {
    const request = { count: 5, steps: 1, seed: 1 };
    for (const Accept of Object.values(MEDIA_TYPES)) {
      const plain = await post(app, request, { Accept }),
        packed = await post(app, request, { Accept, "Accept-Encoding": "gzip, br" });
      assert.deepEqual([plain.headers.get("content-encoding"), packed.headers.get("content-encoding")], [null, "gzip"]);
      for (const { headers } of [plain, packed]) assert.equal(headers.get("vary"), "Accept, Accept-Encoding");
      const text = gunzipSync(await bytesOf(packed)).toString(), expected = await plain.text();
      if (Accept !== MEDIA_TYPES.json) assert.equal(text, expected);
      else assert.deepEqual(JSON.parse(text).molecules, JSON.parse(expected).molecules);
    }
    const coding = async (asked: string) =>
      (await app.request("/models", { headers: { "Accept-Encoding": asked } })).headers.get("content-encoding");
    for (const asked of ["gzip", "*", "GZIP;q=0.5", "br, x-gzip", "gzip, identity"]) {
      assert.equal(await coding(asked), "gzip", asked);
    }
    for (const asked of ["", "br", "gzip;q=0", "gzip;q=0, *", "gzip;q=0.5, identity"]) {
      assert.equal(await coding(asked), null, asked);
    }
    const refused = await post(app, { count: 0, steps: 1 }, { "Accept-Encoding": "gzip" });
    assert.equal(refused.headers.get("content-encoding"), null);
  }));

Deno.test("server-sent events are never compressed", async () => {
  const app = new Hono().use(compressed).get(
    "/",
    (c) => c.body("data: 1\n\n", 200, { "Content-Type": "text/event-stream" }),
  );
  const response = await app.request("/", { headers: { "Accept-Encoding": "gzip" } });
  assert.deepEqual([response.headers.get("content-encoding"), await response.text()], [null, "data: 1\n\n"]);
});

Deno.test("gzipped() flushes each piece, whatever comes next, and reads no further than it is read", async () => {
  const text = "molecule ".repeat(30_000); // several slices
  let given = 0, cancelled: unknown;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode(`${given++} ${text}`)),
    cancel: (reason) => void (cancelled = reason),
  }, { highWaterMark: 0 });
  const reader = gzipped(source).getReader();
  assert.equal(given, 0);
  let bytes: Uint8Array = new Uint8Array();
  while (unpacked(bytes).length < text.length) bytes = Buffer.concat([bytes, (await reader.read()).value!]);
  assert.equal(unpacked(bytes), `0 ${text}`);
  assert.equal(given, 1);
  await reader.cancel("enough");
  assert.equal(cancelled, "enough");
});

Deno.test("gzipped() fails as its source does, so that nobody takes what came for all", async () => {
  const source = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new RangeError("gold")) });
  await assert.rejects(bytesOf(new Response(gzipped(source))), { message: "gold" });
});

Deno.test("GET /models and /openapi.json have an entity tag, and are 304 for whoever has it", () =>
  withApp(async (app) => {
    for (const path of ["/models", "/models/qm9", "/openapi.json"]) {
      const tag = (await app.request(path)).headers.get("etag")!;
      assert.match(tag, /^W\/".+"$/);
      const ask = (given: string, more = {}) => app.request(path, { headers: { "If-None-Match": given, ...more } });
      for (const given of [tag, `"other", ${tag}`, "*"]) {
        const kept = await ask(given, { "Accept-Encoding": "gzip" });
        assert.deepEqual([kept.status, await kept.text(), kept.headers.get("etag")], [
          304,
          "",
          tag,
        ]);
        assert.ok(kept.headers.get("cache-control"));
      }
      assert.equal((await ask('"other"')).status, 200);
    }
    const before = (await app.request("/models")).headers.get("etag")!;
    await (await post(app, { count: 1, steps: 1 })).body!.cancel(); // loads the model, which the list says
    assert.notEqual((await app.request("/models")).headers.get("etag"), before);
  }));
