/** Who holds a token. */
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { createFailures, type Failures } from "./failures.ts";
import type { Scope } from "./scopes.ts";
import { ADMIN, digestOf, type TokenEntry } from "./token_file.ts";
import type { TokenList } from "./token_list.ts";

/** Whoever holds a token. */
export interface Holder {
  /** Of the token. */
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** Who asks: a holder, or why there is none. */
export type Identity =
  | { readonly kind: "holder"; readonly holder: Holder }
  /** No token is given. */
  | { readonly kind: "absent" }
  /** The token is not known. */
  | { readonly kind: "unknown" }
  | { readonly kind: "expired"; readonly name: string; readonly expires: string }
  /** This client has given too many that are not known; `retryAfter` is in seconds. */
  | { readonly kind: "tooMany"; readonly retryAfter: number };

/** What says who may do what. */
export interface Access {
  /** Scopes that need no token. */
  readonly open: readonly Scope[];
  /** Whether the service was started with tokens. */
  readonly hasTokens: boolean;
  /**
   * Who asks.
   *
   * @param header `Authorization`
   * @param client that failures are counted for
   */
  identify(header: string | undefined, client: string): Identity;
}

/** What access is made of. */
interface AccessOptions {
  readonly open: readonly Scope[];
  /** Undefined: the service was started without a file. */
  readonly tokens?: TokenList;
  /** A token of scope `admin`. */
  readonly adminToken?: string;
  readonly failures?: Failures;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Access by these tokens. Digests are compared, all of them and each in constant time, so that neither a token nor its place in the list can be guessed
 * from how long the answer takes.
 *
 * Tokens of the file have 256 random bits and are taken at any time: a limit would only let one client with an old token lock out those who share
 * its address. `adminToken`, which somebody thought of, is not compared while the client is over the limit.
 */
export function createAccess(
  { open, tokens, adminToken, failures = createFailures(), now = Date.now }: AccessOptions,
): Access {
  const admin = adminToken === undefined ? undefined : digestOf(adminToken);
  const find = (digest: Buffer) => {
    let found: TokenEntry | undefined;
    for (const token of tokens?.tokens ?? []) {
      if (timingSafeEqual(Buffer.from(token.sha256, "hex"), digest)) found = token;
    }
    return found;
  };
  return {
    open,
    hasTokens: tokens !== undefined || admin !== undefined,
    identify(header, client) {
      const [scheme, ...words] = header?.trim().split(/ +/) ?? [];
      if (scheme?.toLowerCase() !== "bearer") return { kind: "absent" };
      const digest = digestOf(words.join(" ")), found = find(digest);
      if (found) {
        const { name, scopes, expires } = found;
        if (expires !== undefined && now() >= Date.parse(expires)) return { kind: "expired", name, expires };
        return { kind: "holder", holder: { name, scopes } };
      }
      const retryAfter = failures.wait(client);
      if (retryAfter > 0) return { kind: "tooMany", retryAfter };
      if (admin && timingSafeEqual(admin, digest)) {
        return { kind: "holder", holder: { name: ADMIN, scopes: ["admin"] } };
      }
      failures.add(client, digest.readUIntBE(0, 6));
      return { kind: "unknown" };
    },
  };
}
