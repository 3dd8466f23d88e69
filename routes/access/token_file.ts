/**
 * The file of tokens: JSON, a name, scopes and a digest each.
 *
 * A token is made here, of 256 random bits, so nobody can guess it and a plain SHA-256 is all that its storing takes: slow digests (bcrypt, Argon2)
 * are for passwords, which people choose from few. A digest gives no access, and no message of this file repeats one.
 */
import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { SCOPES } from "./scopes.ts";

/** The name of the token in MOLSTEP_ADMIN_TOKEN. */
export const ADMIN = "admin";

/** Random bytes of a token. */
const BYTES = 32;

/** What a token begins with, so that one that lies about in a repository is found by those who search for such. */
const PREFIX = "molstep_";

/** The name of a token. It can be no address, as names and addresses are clients side by side. */
export const tokenName = z.string().regex(
  /^[a-z][\w-]{0,63}$/i,
  "must be a letter and at most 63 letters, digits, - and _ behind it",
).refine((name) => name !== ADMIN, `must be another than ${ADMIN}, which is MOLSTEP_ADMIN_TOKEN's`);

/** The scopes of a token. */
export const tokenScopes = z.array(z.enum(SCOPES, { error: `must be of ${SCOPES.join(", ")}` }))
  .min(1, "must be one at least").refine((scopes) => new Set(scopes).size === scopes.length, "must each be given once");

const time = z.iso.datetime({ offset: true, error: "must be a time such as 2026-01-31T12:00:00Z" });

const FIELDS = {
  name: tokenName,
  scopes: tokenScopes,
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be the 64 hexadecimal digits of a token's SHA-256"),
  created: time,
  expires: time.optional(),
};

/** Objects of these keys alone. Keys that are not known may be somebody's token: they are not repeated. */
const strict = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, {
    error: ({ code }) => code === "unrecognized_keys" ? `must have ${Object.keys(shape).join(", ")} alone` : undefined,
  });

const tokenEntry = strict(FIELDS);

/** A token as the file has it. */
export type TokenEntry = z.infer<typeof tokenEntry>;

/** The file. */
const tokenFile = strict({
  tokens: z.array(tokenEntry).superRefine((tokens, context) => {
    for (const key of ["name", "sha256"] as const) {
      for (const [index, token] of tokens.entries()) {
        const first = tokens.findIndex((other) => other[key] === token[key]);
        if (first < index) {
          context.addIssue({ code: "custom", path: [index, key], message: `is that of /tokens/${first}` });
        }
      }
    }
  }),
});

/** A new token: 256 random bits. */
export const makeToken = (): string => PREFIX + randomBytes(BYTES).toString("base64url");

/** The SHA-256 of a token. */
export const digestOf = (token: string): Buffer => createHash("sha256").update(token).digest();

/** The entries of a file's text. @throws TypeError naming every fault, and none of what stands there */
export function parseTokens(text: string): readonly TokenEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TypeError("must be JSON"); // the parser's own message quotes the text
  }
  const result = tokenFile.safeParse(value);
  if (result.success) return result.data.tokens;
  const faults = result.error.issues.map(({ path, message }) => `/${path.map(String).join("/")}: ${message}`);
  throw new TypeError(faults.join("; "));
}

/** The text of a file. */
export const formatTokens = (tokens: readonly TokenEntry[]): string => JSON.stringify({ tokens }, undefined, 2) + "\n";
