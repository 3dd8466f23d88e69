/** Answers that a client may keep: an entity tag, and 304 for whoever has it (RFC 9110, sections 8.8.3 and 13.1.2). */
import { etag } from "hono/etag";

/** Tags answers by their content, weakly: the same content may be compressed or not. */
export const unchanged = etag({ weak: true });

/** What routes answer whose answers are tagged. */
export const UNCHANGED = { 304: { description: "As before: what `If-None-Match` names" } };
