/** Tokens for tests. */
import type { Scope } from "../../../routes/access/scopes.ts";
import { digestOf, formatTokens, makeToken, type TokenEntry } from "../../../routes/access/token_file.ts";

/** A new token, and its entry. */
export function made(
  name: string,
  scopes: Scope[],
  more: Partial<TokenEntry> = {},
): { text: string; entry: TokenEntry } {
  const text = makeToken();
  const entry = { name, scopes, sha256: digestOf(text).toString("hex"), created: "2026-01-31T12:00:00Z", ...more };
  return { text, entry };
}

/** Writes a file of tokens in place. */
export const writeTokens = (path: string, ...tokens: readonly { entry: TokenEntry }[]): Promise<void> =>
  Deno.writeTextFile(path, formatTokens(tokens.map(({ entry }) => entry)));

/** The header that shows a token. */
export const bearer = (text: string): { Authorization: string } => ({ Authorization: `Bearer ${text}` });
