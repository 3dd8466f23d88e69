/** Files of the service's own pages: read once, held for all requests, sent as they are or by gzip. */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Context } from "hono";
import { takesGzip } from "./compress.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A file as it is served. */
export interface Held {
  readonly bytes: Bytes;
  /** A weak entity tag of the content: the same content may be compressed or not. */
  readonly tag: string;
  /** The bytes by gzip, made at the first call. */
  gzipped(): Promise<Bytes>;
}

/** Media types that are compressed already, or no smaller by gzip. */
const INCOMPRESSIBLE = /^(image\/(png|webp|jpeg)|font\/)/;

const byGzip = promisify(gzip);

/** What is made at the first call, once; a failure is not kept. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
}

/** A file that is read at its first call, and held once for all requests: scripts have megabytes, and anybody may ask for them. */
export function held(read: () => Bytes | Promise<Bytes>): () => Promise<Held> {
  return once(async () => {
    const bytes = await read();
    const tag = `W/"${createHash("sha256").update(bytes).digest("base64url")}"`;
    return { bytes, tag, gzipped: once(async () => new Uint8Array(await byGzip(bytes))) };
  });
}

/** Bytes that are sent at a time. */
const SLICE = 65_536;

/** Bytes a slice at a time, as they are read: a request holds no copy of all of them. */
function inSlices(bytes: Bytes): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at += SLICE));
      else controller.close();
    },
  }, { highWaterMark: 0 });
}

/** Answers with a file, by gzip where the client takes it. */
export async function sendHeld(
  c: Context,
  { bytes, tag, gzipped }: Held,
  type: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const small = !INCOMPRESSIBLE.test(type) && takesGzip(c);
  c.header("Vary", "Accept-Encoding", { append: true });
  return c.body(inSlices(small ? await gzipped() : bytes), 200, {
    "Content-Type": type,
    ETag: tag,
    ...(small && { "Content-Encoding": "gzip" }),
    ...headers,
  });
}
