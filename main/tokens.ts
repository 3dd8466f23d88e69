/** molstep tokens */
import { z } from "zod";
import { markdownTable } from "../model/evaluation/markdown_table.ts";
import { changeAtomically } from "../model/diffusion/files.ts";
import { SCOPE_WORDS } from "../routes/access/scopes.ts";
import {
  digestOf,
  formatTokens,
  makeToken,
  parseTokens,
  type TokenEntry,
  tokenName,
  tokenScopes,
} from "../routes/access/token_file.ts";
import { command, type Terminal } from "./command.ts";
import { list, option, UsageError, whole } from "./options.ts";

/** Who may read and write the file: its owner. */
const MODE = 0o600;

const DAY_MS = 86_400_000;

/** What the command does, by its first word. */
const ACTS = ["add", "list", "remove", "revoke"] as const;

/** The tokens of a file's text. @throws TypeError naming the file */
function entriesOf(file: string, text: string): readonly TokenEntry[] {
  try {
    return parseTokens(text);
  } catch (error) {
    throw new TypeError(`${file}: ${(error as Error).message}`);
  }
}

/** The tokens of a file. @throws as {@link entriesOf} */
const read = async (file: string): Promise<readonly TokenEntry[]> => entriesOf(file, await Deno.readTextFile(file));

/** Replaces the tokens of a file by what is made of them; two at once do so one after the other. @throws as {@link entriesOf} */
const change = (file: string, made: (tokens: readonly TokenEntry[]) => readonly TokenEntry[]): Promise<void> =>
  changeAtomically(file, (text) => formatTokens(made(text === undefined ? [] : entriesOf(file, text))), MODE);

/** Adds a token, and gives its text, which is kept nowhere. */
async function add(file: string, made: Pick<TokenEntry, "name" | "scopes">, days: number | undefined): Promise<string> {
  const token = makeToken(), now = Date.now();
  const entry: TokenEntry = {
    ...made,
    sha256: digestOf(token).toString("hex"),
    created: new Date(now).toISOString(),
    ...days !== undefined && { expires: new Date(now + days * DAY_MS).toISOString() },
  };
  await change(file, (tokens) => {
    if (tokens.some(({ name }) => name === made.name)) {
      throw new TypeError(`${file}: /name must be one that no other token has; got ${made.name}`);
    }
    return [...tokens, entry];
  });
  return token;
}

const remove = (file: string, name: string): Promise<void> =>
  change(file, (tokens) => {
    const others = tokens.filter((one) => one.name !== name);
    if (others.length < tokens.length) return others;
    const names = tokens.map(({ name }) => name).join(", ") || "none, as there are no tokens";
    throw new TypeError(`--name must be one of ${names}; got ${name}`);
  });

const table = (tokens: readonly TokenEntry[]) =>
  markdownTable(
    ["name", "scopes", "created", "expires"],
    tokens.map(({ name, scopes, created, expires = "" }) => {
      const over = expires && Date.parse(expires) <= Date.now() ? " (expired)" : "";
      return [name, scopes.join(", "), created, expires + over];
    }),
  );

/** An option that this act must have. */
function needed<T>(value: T | undefined, name: string, act: string): T {
  if (value === undefined) throw new UsageError(`--${name} must be given to ${act} a token`);
  return value;
}

/** Refuses options that an act does not take. */
function refuse(act: string, values: Readonly<Record<string, unknown>>): void {
  const surplus = Object.keys(values).filter((name) => values[name] !== undefined);
  if (surplus.length > 0) throw new UsageError(`${act} must have no ${surplus.map((name) => `--${name}`).join(", ")}`);
}

/** The tokens of a file. */
export const tokensCommand = command({
  summary:
    "Makes, lists and takes back the tokens that the service asks for (MOLSTEP_TOKENS), which follows the file while it runs.\n" +
    "  tokens add --file FILE --name NAME --scopes LIST [--days N]   prints the token, once: the file has its SHA-256 alone\n" +
    "  tokens list --file FILE\n" +
    "  tokens remove --file FILE --name NAME                         revoke is the same",
  options: {
    act: option(
      ACTS.join("|"),
      "what to do; stands first, without --act",
      z.enum(ACTS, { error: `must be one of ${ACTS.join(", ")}` }),
    ),
    file: option(
      "FILE",
      "the file of tokens (default: MOLSTEP_TOKENS), readable by its owner alone",
      z.string().min(1).optional(),
    ),
    name: option("NAME", "of the token, as the log tells it: whose it is", tokenName.optional()),
    scopes: option(
      "LIST",
      `set apart by commas: ${Object.entries(SCOPE_WORDS).map(([scope, words]) => `${scope} (${words})`).join(", ")}`,
      list(z.string()).pipe(tokenScopes).optional(),
    ),
    days: option("N", "days until it expires (default: never)", whole(1, 36_500).optional()),
  },
  words: "act",
  async run({ act, file: given, name, scopes, days }, { out, error, environment }: Terminal) {
    const file = needed(given ?? (environment.MOLSTEP_TOKENS || undefined), "file", act);
    if (act === "list") {
      refuse(act, { name, scopes, days });
      out(table(await read(file)) + "\n");
    } else if (act === "add") {
      const made = { name: needed(name, "name", act), scopes: needed(scopes, "scopes", act) };
      out(await add(file, made, days) + "\n");
      error(`${file}: ${made.name} has the scopes ${made.scopes.join(", ")}; the token above is shown this once\n`);
    } else {
      refuse(act, { scopes, days });
      await remove(file, needed(name, "name", act));
      error(`${file}: ${name} is taken back; a service that runs follows within seconds\n`);
    }
    return 0;
  },
});
