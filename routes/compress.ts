/** Answers by gzip, for clients that take it (RFC 9110, section 12.5.3). */
import type { Context, MiddlewareHandler } from "hono";
import { accepts } from "hono/accepts";
import { setImmediate } from "node:timers";
import { constants, createGzip } from "node:zlib";
import { MEDIA_TYPES } from "./generate_schema.ts";

/** Level of gzip: 6 saves 5 % more of a window of NDJSON with molblocks, and takes twice the time. */
const LEVEL = 3;

/** Bytes that are compressed at a time: between them the event loop turns. One takes below a millisecond. */
const SLICE = 65_536;

const TYPES: readonly string[] = Object.values(MEDIA_TYPES);

/** Whether the client takes gzip, and wants it no less than the answer as it is. */
export function takesGzip(c: Context): boolean {
  const choice = accepts(c, {
    header: "Accept-Encoding",
    supports: ["gzip", "identity"],
    default: "identity",
    match(ranges) {
      const weight = (...names: string[]) => ranges.find(({ type }) => names.includes(type.toLowerCase()))?.q;
      const gzip = weight("gzip", "x-gzip") ?? weight("*") ?? 0;
      return gzip > 0 && gzip >= (weight("identity") ?? 0) ? "gzip" : "identity";
    },
  });
  return choice === "gzip";
}

/**
 * The bytes by gzip, each piece flushed: whoever has read a piece can tell all of it. Reads no further than it is read. Ends
 * without gzip's own end where the source fails.
 */
export function gzipped(source: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = source.getReader(), gzip = createGzip({ level: LEVEL });
  let made: Uint8Array[] = [];
  gzip.on("data", (piece: Uint8Array) => made.push(piece));
  const done = (work: (over: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => work((error) => error ? reject(error) : resolve()));
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done: over, value } = await reader.read();
        if (over) await done((end) => void gzip.once("end", () => end()).end());
        else {
          for (let at = 0; at < value.length; at += SLICE) {
            if (at > 0) await new Promise<void>((resolve) => setImmediate(resolve));
            await done((end) => gzip.write(value.subarray(at, at + SLICE), end));
          }
          await done((end) => gzip.flush(constants.Z_SYNC_FLUSH, () => end()));
        }
        const pieces = made;
        made = [];
        for (const piece of pieces) controller.enqueue(piece);
        if (over) controller.close();
      } catch (error) {
        gzip.destroy();
        controller.error(error);
      }
    },
    async cancel(reason) {
      gzip.destroy();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/**
 * Compresses what the routes give in the media types of molecules, JSON among them; server-sent events and problem documents are left as they are, and files of
 * pages are held compressed (`held.ts`).
 */
export const compressed: MiddlewareHandler = async (c, next) => {
  await next();
  const { res } = c, type = res.headers.get("Content-Type")?.split(";")[0].trim() ?? "";
  // Of what can be asked for by ranges of bytes, these are the bytes of the answer as it is.
  if (!TYPES.includes(type) || res.headers.has("Accept-Ranges")) return;
  res.headers.append("Vary", "Accept-Encoding");
  if (!res.body || c.req.raw.method === "HEAD" || !takesGzip(c)) return;
  c.res = new Response(gzipped(res.body), res);
  c.res.headers.delete("Content-Length");
  c.res.headers.set("Content-Encoding", "gzip");
};
