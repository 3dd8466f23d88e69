/** Results of a campaign to be read: pages of molecules, and bytes of the whole. What is committed is there as soon as it is. */
import { join } from "node:path";
import type { Campaign } from "../../campaigns/campaign.ts";
import { RESULT_FILES } from "../../campaigns/collect.ts";
import type { Collecting } from "../../campaigns/collecting.ts";
import type { ResultFormat } from "../../campaigns/order.ts";
import type { CampaignStore, PlacedPart } from "../../campaigns/store.ts";

/** What results are read with. */
export interface ResultsDeps {
  readonly store: CampaignStore;
  readonly collecting: Collecting;
  readonly folderOf: (id: string) => string;
}

/** Parts that are looked up at once, and bytes that are read at once of a file. */
const PARTS = 64, PIECE = 1 << 18;

/** Bytes that a form of results has, as it is given: NDJSON as text, the others as their files are; undefined where it is not there, or not yet. */
export function lengthOf({ state, order: { formats }, progress: { text, bytes } }: Campaign, format: ResultFormat) {
  if (format === "ndjson") return text;
  if (!formats.includes(format) || (format === "parquet" && state !== "done")) return undefined;
  return bytes[format];
}

/** Text of a part of the NDJSON. */
async function textOf({ collecting, folderOf }: ResultsDeps, id: string, { gzipFrom, gzip }: PlacedPart) {
  const bytes = new Uint8Array(gzip);
  using file = await Deno.open(join(folderOf(id), RESULT_FILES.ndjson), { read: true });
  await fill(file, bytes, gzipFrom);
  return await collecting.unpack(bytes);
}

async function fill(file: Deno.FsFile, bytes: Uint8Array, from: number): Promise<void> {
  await file.seek(from, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) {
    const read = await file.read(bytes.subarray(at));
    if (read === null) throw new Error(`results must have ${from + bytes.length} bytes at least; they end before`);
    at += read;
  }
}

/** Parts from the one that has a row, or a byte, on. */
async function* partsFrom({ store }: ResultsDeps, id: string, by: "row" | "text", from: number) {
  for (let at = from;;) {
    const parts = store.partsFrom(id, by, at, PARTS), last = parts.at(-1);
    // Of a campaign that was removed meanwhile nothing is left: no end that looks like that of all.
    if (!last) return void store.get(id);
    yield* parts;
    at = by === "row" ? last.rowFrom + last.rows : last.textFrom + last.text;
  }
}

/** A page of the NDJSON: `limit` molecules at most, from one on. */
export async function* page(
  deps: ResultsDeps,
  id: string,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  let left = limit;
  for await (const part of partsFrom(deps, id, "row", offset)) {
    const from = Math.max(0, offset - part.rowFrom), to = Math.min(part.rows, from + left);
    left -= to - from;
    yield linesOf(await textOf(deps, id, part), from, to);
    if (left === 0) return;
  }
}

/** Lines `from` to `to`, without that, of text: found as bytes, since a part may have 16,384 lines and a page one. */
function linesOf(text: Uint8Array<ArrayBuffer>, from: number, to: number): Uint8Array<ArrayBuffer> {
  let at = 0;
  const after = (lines: number) => {
    for (let k = 0; k < lines; k++) at = text.indexOf(0x0a, at) + 1;
    return at;
  };
  return text.subarray(after(from), after(to - from));
}

/** Bytes `from` to `to`, without that, of a form of results. */
export async function* bytesOf(
  deps: ResultsDeps,
  id: string,
  format: ResultFormat,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  if (from >= to) return;
  if (format === "ndjson") {
    for await (const part of partsFrom(deps, id, "text", from)) {
      if (part.textFrom >= to) return;
      const text = await textOf(deps, id, part);
      yield text.subarray(Math.max(0, from - part.textFrom), to - part.textFrom);
    }
    return;
  }
  using file = await Deno.open(join(deps.folderOf(id), RESULT_FILES[format]), { read: true });
  for (let at = from; at < to;) {
    const bytes = new Uint8Array(Math.min(PIECE, to - at));
    await fill(file, bytes, at);
    at += bytes.length;
    yield bytes;
  }
}
