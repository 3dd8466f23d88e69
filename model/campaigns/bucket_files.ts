/** Files of shards in a bucket that speaks Amazon's S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/), of whatever maker. */
import { AwsClient } from "aws4fetch";
import type { ShardFiles } from "./shard.ts";

/** Variables that say who asks, and where buckets are where that is not Amazon's: as Amazon's own tools have them. */
export const BUCKET_VARIABLES = [
  ...["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"] as const,
];

/** Objects that are removed at once. */
const AT_ONCE = 20;

/** What a bucket is reached by. */
interface BucketPlace {
  /** Of the bucket, without a slash at its end. */
  readonly url: string;
  /** What objects' names begin with: nothing, or text that ends in a slash. */
  readonly prefix: string;
  readonly region: string;
}

/** Whether a place of files is a bucket, and no folder. */
export const isBucket = (place: string): boolean => place.startsWith("s3://");

/**
 * Where a bucket is: `s3://bucket[/prefix]`, at `AWS_ENDPOINT_URL`, or Amazon's of `AWS_REGION`.
 *
 * @throws RangeError for text that is no such address
 */
export function bucketPlace(place: string, environment: Readonly<Record<string, string | undefined>>): BucketPlace {
  const [, bucket, prefix = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(place) ?? [];
  if (!bucket) throw new RangeError(`bucket must be s3://name or s3://name/prefix; got ${JSON.stringify(place)}`);
  const { AWS_REGION: region = "us-east-1", AWS_ENDPOINT_URL: endpoint = `https://s3.${region}.amazonaws.com` } =
    environment;
  if (!URL.canParse(endpoint)) {
    throw new RangeError(`AWS_ENDPOINT_URL must be an address; got ${JSON.stringify(endpoint)}`);
  }
  return {
    url: `${endpoint.replace(/\/+$/, "")}/${bucket}`,
    prefix: prefix.replace(/\/*$/, prefix ? "/" : ""),
    region,
  };
}

/** The texts of an element in an answer, which are keys and tokens: no other markup is in them. */
const texts = (xml: string, element: string): string[] =>
  [...xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, "g"))].map(([, text]) =>
    text.replace(
      /&(lt|gt|quot|apos|amp);/g,
      (_, name) => ({ lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" })[name as "lt"]!,
    )
  );

/**
 * Files in a bucket. An object is there whole or not at all. What the server cannot do at the moment is tried again, some ten times.
 *
 * @throws RangeError for an address that is none, or where variables that say who asks are missing
 */
export function bucketFiles(place: string, environment: Readonly<Record<string, string | undefined>>): ShardFiles {
  const { url, prefix, region } = bucketPlace(place, environment);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } =
    environment;
  if (!accessKeyId || !secretAccessKey) {
    throw new RangeError(`AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set for ${place}`);
  }
  const client = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, region, service: "s3" });
  const ask = async (method: string, name: string, body?: Uint8Array): Promise<Response> => {
    const response = await client.fetch(`${url}/${prefix}${name}`, { method, body: body as Uint8Array<ArrayBuffer> });
    if (response.ok) return response;
    const why = (await response.text()).match(/<Message>([^<]*)/)?.[1] ?? response.statusText;
    const message = `${method} ${place}/${name}: ${response.status} ${why}`;
    throw response.status === 404 ? new Deno.errors.NotFound(message) : new Error(message);
  };
  const remove = async (name: string): Promise<void> => {
    const response = await ask("DELETE", name).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    await response?.body?.cancel();
  };
  /** Names of a campaign's files. */
  async function* names(campaign: string): AsyncGenerator<string[]> {
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const query = new URLSearchParams({
        ...{ "list-type": "2", prefix: `${prefix}${campaign}-` },
        ...(token && { "continuation-token": token }),
      });
      const response = await client.fetch(`${url}?${query}`), xml = await response.text();
      if (!response.ok) {
        throw new Error(`GET ${place}: ${response.status} ${texts(xml, "Message")[0] ?? response.statusText}`);
      }
      yield texts(xml, "Key").map((key) => key.slice(prefix.length));
      [token] = texts(xml, "NextContinuationToken");
    }
  }
  return {
    put: async (name, bytes) => void await (await ask("PUT", name, bytes)).body?.cancel(),
    get: async (name) => new Uint8Array(await (await ask("GET", name)).arrayBuffer()),
    remove,
    async removeAll(campaign) {
      for await (const found of names(campaign)) {
        for (let at = 0; at < found.length; at += AT_ONCE) await Promise.all(found.slice(at, at + AT_ONCE).map(remove));
      }
    },
  };
}
