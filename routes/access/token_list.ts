/** The tokens of a file, as they are now: it is read again when it changes. */
import type { Log } from "../log.ts";
import { parseTokens, type TokenEntry } from "./token_file.ts";

/** The tokens that are in use. */
export interface TokenList {
  readonly tokens: readonly TokenEntry[];
}

/** A list that follows its file. */
interface FollowedTokens extends TokenList {
  /** Begins to look after the file. */
  watch(): void;
  /** Looks once. */
  look(): Promise<void>;
  /** Ends looking. */
  close(): Promise<void>;
}

/** How to follow a file. */
interface FollowOptions {
  /** How often to look, ms. */
  readonly everyMs?: number;
  /** How often a file that stays broken is told of, ms. */
  readonly againMs?: number;
  /** Milliseconds of a steady clock. */
  readonly now?: () => number;
}

/** What changes when a file does, by writing or by another in its place; by polling, as file systems of the network and mounted secrets tell nobody. */
async function stampOf(path: string): Promise<string> {
  try {
    const { mtime, size, ino, dev } = await Deno.stat(path);
    return [mtime?.getTime(), size, ino, dev].join();
  } catch (error) {
    return String(error);
  }
}

/**
 * Reads a file of tokens, now and when it has changed. A file that cannot be read later leaves the tokens as they are, which is logged as an error at
 * once and each minute until it is mended.
 *
 * @throws TypeError where it cannot be read now
 */
export function openTokens(
  path: string,
  log: Log,
  { everyMs = 1000, againMs = 60_000, now = () => performance.now() }: FollowOptions = {},
): FollowedTokens {
  let tokens: readonly TokenEntry[], seen: string | undefined, fault: string | undefined, told = -Infinity;
  try {
    tokens = parseTokens(Deno.readTextFileSync(path));
  } catch (error) {
    throw new TypeError(
      `MOLSTEP_TOKENS must name a file of tokens (\`deno task tokens add\` makes one); ${path}: ${reason(error)}`,
    );
  }

  const look = async () => {
    const stamp = await stampOf(path);
    if (stamp !== seen) {
      const first = seen === undefined;
      seen = stamp;
      try {
        tokens = parseTokens(await Deno.readTextFile(path));
        fault = undefined;
        if (!first) log("info", "tokens read", { path, tokens: tokens.length });
      } catch (error) {
        [fault, told] = [reason(error), -Infinity];
      }
    }
    if (fault === undefined || now() - told < againMs) return;
    told = now();
    log(
      "error",
      "the file of tokens cannot be read: the tokens stay as they were, those taken out of it since included",
      {
        path,
        error: fault,
        tokens: tokens.length,
      },
    );
  };

  let timer: ReturnType<typeof setInterval> | undefined, looking: Promise<void> | undefined;
  return {
    get tokens() {
      return tokens;
    },
    look,
    watch() {
      timer ??= setInterval(() => looking ??= look().finally(() => looking = undefined), everyMs);
    },
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}

const reason = (error: unknown) => error instanceof Error ? error.message : String(error);
