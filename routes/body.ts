/** Reads a request's JSON body. */
import type { Context } from "hono";
import type { z } from "zod";
import { checkHead, type TakenBody, tooLong } from "./body_head.ts";
import { HttpError, invalidRequest, problems } from "./problem.ts";

/** What all routes that take a body answer to one that they cannot read. */
export const BODY_PROBLEMS = problems({
  400: "The body is not JSON",
  413: "The body is too long",
  415: "The body is not said to be JSON, or is compressed",
});

/** Types of JSON with a name of their own (RFC 6839). */
const JSON_LIKE = /^application\/[\w.+-]+\+json$/;

/**
 * The body, checked.
 *
 * @throws HttpError 415 where it is not said to be JSON or has a content coding (RFC 9110, section 8.4; RFC 7694), 413 where it is longer than `limit` bytes, 400 where it is not
 * JSON, 422 where it does not follow the schema
 */
export async function readJson<T extends z.ZodType>(c: Context, schema: T, limit: number): Promise<z.infer<T>> {
  const taken: TakenBody = {
    types: ["application/json"],
    isOther: (type) => JSON_LIKE.test(type),
    most: limit,
    what: "body",
  };
  try {
    checkHead(c, taken);
  } catch (error) {
    await c.req.raw.body?.cancel();
    throw error;
  }
  const text = await readText(c.req.raw, taken);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HttpError(400, "Malformed JSON", `the body is not JSON: ${(error as Error).message}`);
  }
  const result = schema.safeParse(value);
  if (!result.success) throw invalidRequest(result.error);
  return result.data;
}

async function readText(request: Request, taken: TakenBody): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "", length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      length += chunk.length;
      if (length > taken.most) throw tooLong(taken);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) {
      throw new HttpError(400, "Malformed JSON", `the body is not UTF-8: ${error.message}`);
    }
    throw error;
  }
}
