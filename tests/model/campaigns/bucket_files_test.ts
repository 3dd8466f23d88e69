import assert from "node:assert/strict";
import { bucketFiles } from "../../../model/campaigns/bucket_files.ts";
import { bucketPlace } from "../../../model/campaigns/bucket_place.ts";

const WHO = { AWS_ACCESS_KEY_ID: "KEY", AWS_SECRET_ACCESS_KEY: "SECRET" };

/** A bucket in memory that lists two names at a time, and cannot answer each third request at once. */
function startBucket() {
  const objects = new Map<string, Uint8Array<ArrayBuffer>>(), asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url),
      key = decodeURIComponent(pathname).replace("/molecules/", "");
    asked.push(request.headers.get("authorization") ?? "");
    if (asked.length % 3 === 0) return new Response("<Message>busy</Message>", { status: 503 });
    if (searchParams.get("list-type") === "2") {
      const names = [...objects.keys()].filter((name) => name.startsWith(searchParams.get("prefix")!)).sort();
      const after = searchParams.get("continuation-token") ?? "", rest = names.filter((name) => name > after);
      const keys = rest.slice(0, 2).map((name) => `<Contents><Key>${name}</Key></Contents>`).join("");
      const next = rest.length > 2 ? `<NextContinuationToken>${rest[1]}</NextContinuationToken>` : "";
      return new Response(`<ListBucketResult>${keys}${next}</ListBucketResult>`);
    }
    if (request.method === "PUT") objects.set(key, await request.bytes());
    if (request.method === "DELETE") return new Response(null, { status: objects.delete(key) ? 204 : 404 });
    const found = objects.get(key);
    return found ? new Response(found) : new Response("<Message>no such key</Message>", { status: 404 });
  });
  return { server, objects, asked, endpoint: `http://127.0.0.1:${server.addr.port}` };
}

Deno.test("bucketFiles() keeps, replaces, gives and removes files, and all of a campaign, by signed requests that are tried again", async () => {
  const { server, objects, asked, endpoint } = startBucket();
  const files = bucketFiles("s3://molecules/some/where", {
    ...WHO,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: "eu-north-1",
  });
  await files.put("a-1.gz", new Uint8Array([1]));
  await files.put("a-1.gz", new Uint8Array([2, 3]));
  assert.deepEqual([...objects.keys()], ["some/where/a-1.gz"]);
  assert.deepEqual([...await files.get("a-1.gz")], [2, 3]);
  await assert.rejects(files.get("a-2.gz"), Deno.errors.NotFound);
  await files.remove("a-1.gz");
  await files.remove("a-1.gz");
  for (const name of ["a-1", "a-2", "a-3", "a-4", "a-5", "ab-1"]) await files.put(name, new Uint8Array([4]));
  await files.removeAll("a");
  assert.deepEqual([...objects.keys()], ["some/where/ab-1"]);
  for (const one of asked) {
    assert.match(one, /^AWS4-HMAC-SHA256 Credential=KEY\/\d{8}\/eu-north-1\/s3\/aws4_request, SignedHeaders=/);
  }
  await server.shutdown();
});

Deno.test("bucketPlace() reads addresses of buckets, and refuses what is none", () => {
  assert.deepEqual(bucketPlace("s3://molecules", { AWS_REGION: "eu-north-1" }), {
    ...{ url: "https://s3.eu-north-1.amazonaws.com/molecules", prefix: "", region: "eu-north-1" },
  });
  assert.deepEqual(bucketPlace("s3://molecules/a/b/", { AWS_ENDPOINT_URL: "http://store:9000/" }), {
    ...{ url: "http://store:9000/molecules", prefix: "a/b/", region: "us-east-1" },
  });
  for (const wrong of ["s3://", "s3://A", "/data", "http://store/molecules"]) {
    assert.throws(() => bucketPlace(wrong, {}), /bucket must be s3:\/\/name or s3:\/\/name\/prefix; got/);
  }
  assert.throws(
    () => bucketPlace("s3://molecules", { AWS_ENDPOINT_URL: "store" }),
    /AWS_ENDPOINT_URL must be an address/,
  );
  assert.throws(() => bucketFiles("s3://molecules", {}), /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set/);
});
