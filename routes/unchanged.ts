/** Answers that a client may keep: an entity tag, and 304 for whoever has it (RFC 9110, sections 8.8.3 and 13.1.2). */
import { etag, RETAINED_304_HEADERS } from "hono/etag";

/** Headers by which a page of another origin may read an answer; one that is 304 as well (the Fetch standard's CORS check looks at it itself). */
const CROSS_ORIGIN = ["Access-Control-Allow-Origin", "Access-Control-Expose-Headers"];

/** Tags answers by their content, weakly: the same content may be compressed or not. */
export const unchanged = etag({ weak: true, retainedHeaders: [...RETAINED_304_HEADERS, ...CROSS_ORIGIN] });

/** What routes answer whose answers are tagged. */
export const UNCHANGED = { 304: { description: "As before: what `If-None-Match` names" } };
