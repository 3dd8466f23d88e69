/** Files of shards in a bucket that speaks Amazon's S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/), of whatever maker. */
import { AwsClient } from "aws4fetch";
import { type BucketEnvironment, bucketPlace } from "./bucket_place.ts";
import { AwayError } from "./engine.ts";
import type { ShardFiles } from "./shard.ts";

/** Objects that are removed at once. */
const AT_ONCE = 20;

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
export function bucketFiles(place: string, environment: BucketEnvironment): ShardFiles {
  const { url, prefix, region } = bucketPlace(place, environment);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } =
    environment;
  if (!accessKeyId || !secretAccessKey) {
    throw new RangeError(`AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set for ${place}`);
  }
  const client = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, region, service: "s3" });
  /** @throws NotFound; AwayError where the server does not answer, or cannot at the moment; Error for what it refuses */
  const asked = async (what: string, address: string, init: RequestInit = {}): Promise<Response> => {
    const response = await client.fetch(address, init).catch((cause) => {
      throw new AwayError(`${what}: ${(cause as Error).message}`, { cause });
    });
    if (response.ok) return response;
    const why = texts(await response.text(), "Message")[0] ?? response.statusText;
    const message = `${what}: ${response.status} ${why}`;
    if (response.status === 404) throw new Deno.errors.NotFound(message);
    throw response.status >= 500 || response.status === 429 ? new AwayError(message) : new Error(message);
  };
  const ask = (method: string, name: string, body?: Uint8Array) =>
    asked(`${method} ${place}/${name}`, `${url}/${prefix}${name}`, { method, body: body as Uint8Array<ArrayBuffer> });
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
      const xml = await (await asked(`GET ${place}`, `${url}?${query}`)).text();
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
