/** Who may do what, by the service's configuration. */
import type { ServiceConfig } from "../config.ts";
import type { Log } from "../log.ts";
import { type Access, createAccess } from "./access.ts";
import { ADMIN } from "./token_file.ts";
import { openTokens } from "./token_list.ts";

/** Access, and the file behind it. */
interface OpenedAccess {
  readonly access: Access;
  /** Says in the log who may do what, and begins to look after the file. */
  begin(): void;
  /** Ends looking. */
  end(): Promise<void>;
}

/** What is open to whoever comes, in words. */
const WORDS = {
  generate: "generate",
  read: "read models, jobs, campaigns and metrics",
  campaign: "run campaigns",
  admin: "administer",
} as const;

/** Access by the configuration. @throws TypeError where the file of tokens cannot be read */
export function openAccess(
  { adminToken, tokens: path, openScopes }: Pick<ServiceConfig, "adminToken" | "tokens" | "openScopes">,
  log: Log,
): OpenedAccess {
  const list = path === undefined ? undefined : openTokens(path, log);
  return {
    access: createAccess({ open: openScopes, tokens: list, adminToken }),
    begin() {
      const names = [...list?.tokens.map(({ name }) => name) ?? [], ...adminToken === undefined ? [] : [ADMIN]];
      const what = openScopes.map((scope) => WORDS[scope]).join(" and ");
      const message = what
        ? `anyone who reaches this port may ${what}`
        : "a token is asked for all but health and the description";
      log("info", message, { openScopes, tokens: names });
      list?.watch();
    },
    end: async () => await list?.close(),
  };
}
