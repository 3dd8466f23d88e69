/** GET /campaigns/{id}/results: molecules that were found, a page or the whole, and parts of the whole by ranges of bytes (RFC 9110, section 14). */
import type { Context } from "hono";
import { z } from "zod";
import { RESULT_FORMATS, type ResultFormat } from "../../model/campaigns/order.ts";
import { bytesOf, lengthOf, page } from "../../model/service/campaigns/results.ts";
import { endpoint } from "../endpoint.ts";
import { MEDIA_TYPES } from "../generate_schema.ts";
import { numberOf } from "../jobs_schema.ts";
import { HttpError, problems } from "../problem.ts";
import { streamed } from "../stream.ts";
import { campaignId } from "./schema.ts";

/** Media type and ending of each form. SDF is compressed: a file, not a coding of the answer. */
const FORMS: Readonly<Record<ResultFormat, { readonly type: string; readonly ending: string }>> = {
  ndjson: { type: MEDIA_TYPES.ndjson, ending: "ndjson" },
  sdf: { type: "application/gzip", ending: "sdf.gz" },
  parquet: { type: "application/vnd.apache.parquet", ending: "parquet" },
};

/** Most molecules of a page. */
const PAGE_MAX = 10_000;

const binary = { schema: z.string().meta({ format: "binary" }) };
const contents = {
  [FORMS.ndjson.type]: { schema: z.string() },
  [FORMS.sdf.type]: binary,
  [FORMS.parquet.type]: binary,
};

/** What a range asks for: bytes from, to and without that; undefined for none, or one that is not understood and so is ignored. */
export function rangeOf(header: string | undefined, length: number): { from: number; to: number } | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (!first && !last) return undefined;
  if (!first) return { from: Math.max(0, length - Number(last)), to: length };
  const from = Number(first), to = last ? Math.min(length, Number(last) + 1) : length;
  if (last && Number(last) < from) return undefined;
  return { from, to };
}

/** The answer for a whole, or a range of it. */
async function whole(
  c: Context,
  { id, format, length, growing }: { id: string; format: ResultFormat; length: number; growing: boolean },
  pieces: (range: { from: number; to: number }) => AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>,
): Promise<Response> {
  const tag = `"${id}-${format}"`, { type, ending } = FORMS[format];
  // What grows has no tag, as its end is another each time; but the bytes that it has stay.
  const known = c.req.header("if-range"), asked = known === undefined || (!growing && known === tag);
  const read = c.req.raw.method === "GET"; // of others a range is ignored (RFC 9110, section 14.2)
  const range = asked && read ? rangeOf(c.req.header("range"), length) : undefined,
    total = growing ? "*" : String(length);
  if (range && range.from >= length) {
    throw new HttpError(
      416,
      "Range not satisfiable",
      `Range must begin below ${length}, the bytes that there are; given is ${c.req.header("range")}`,
      {},
      { "Content-Range": `bytes */${length}` },
    );
  }
  const { from, to } = range ?? { from: 0, to: length };
  const headers = {
    "Content-Type": type,
    "Content-Length": String(to - from),
    "Content-Disposition": `attachment; filename="campaign-${id}.${ending}"`,
    "Accept-Ranges": "bytes",
    ...(!growing && { ETag: tag }),
    ...(range && { "Content-Range": `bytes ${from}-${to - 1}/${total}` }),
  };
  const status = range ? 206 : 200;
  if (!read) return c.body(null, status, headers);
  const gone = new AbortController();
  return c.body(await streamed(until(pieces({ from, to }), gone.signal), () => gone.abort()), status, headers);
}

async function* until<T>(items: AsyncGenerator<T, void, void>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  for await (const item of items) {
    if (signal.aborted) return;
    yield item;
  }
}

/** GET /campaigns/{id}/results */
export const campaignResults = endpoint({
  method: "get",
  path: "/campaigns/{id}/results",
  operationId: "campaignResults",
  summary: "The molecules that a campaign has found, while it goes on, too",
  scopes: ["campaign", "read"],
  request: {
    params: campaignId,
    query: z.strictObject({
      format: z.enum(RESULT_FORMATS).default("ndjson").describe(
        "`sdf` is compressed by gzip; `parquet` is there when the campaign is done",
      ),
      offset: numberOf(z.int().min(0).max(1_000_000_000).optional()).describe(
        "With `limit`: the page's first molecule",
      ),
      limit: numberOf(z.int().min(1).max(PAGE_MAX).optional()).describe(
        "Molecules of a page of NDJSON; all where absent",
      ),
    }),
    headers: z.object({
      Range: z.string().optional().describe("`bytes=...` of the whole, one range"),
      "If-Range": z.string().optional(),
    }),
  },
  responses: {
    200: { description: "A page, or the whole", content: contents },
    206: { description: "The bytes that Range asks for", content: contents },
    ...problems({
      404: "Unknown campaign, or a form of results that it has not, or not yet",
      416: "Range is beyond the bytes that there are",
      422: "No such page or form",
    }),
  },
}, ({ campaigns: { store, results } }) => async (c) => {
  const campaign = store.get(c.req.valid("param").id), { id } = campaign;
  const { format, offset, limit } = c.req.valid("query");
  if (offset !== undefined || limit !== undefined) {
    if (format !== "ndjson") {
      throw new HttpError(422, "Invalid request", `format must be ndjson for a page; got ${format}`);
    }
    const gone = new AbortController(), asked = { offset: offset ?? 0, limit: limit ?? PAGE_MAX };
    const body = await streamed(until(page(results, id, asked), gone.signal), () => gone.abort());
    return c.body(body, 200, { "Content-Type": FORMS.ndjson.type });
  }
  const length = lengthOf(campaign, format);
  if (length === undefined) {
    const has = RESULT_FORMATS.filter((one) => lengthOf(campaign, one) !== undefined).join(", ");
    throw new HttpError(404, "No such results", `campaign ${id} has results as ${has} now; asked is ${format}`);
  }
  // One that failed may be resumed.
  const growing = campaign.state !== "done";
  return await whole(c, { id, format, length, growing }, (range) => bytesOf(results, id, format, range));
});
