/**
 * The process of one part: `deno run -A bench/gpu/part.ts ASKED`. Tells what it found on a last line that begins with {@link MARK}; told to
 * end, it ends what it has started first.
 */
import { endStarted } from "../started.ts";
import { formatResult } from "../table.ts";
import { type Asked, type Found, runPart } from "./parts.ts";

/** Begins the answer. */
export const MARK = "@molstep-check ";

/** What is answered. */
export type Answer = Found | { readonly error: string };

if (import.meta.main) {
  Deno.addSignalListener("SIGTERM", () => void endStarted().finally(() => Deno.exit(1)));
  const say = (answer: Answer) => console.log(MARK + JSON.stringify(answer));
  try {
    const found = await runPart(JSON.parse(Deno.args[0]) as Asked);
    for (const result of found.results) console.log(formatResult(result));
    say(found);
  } catch (error) {
    say({ error: (error as Error).message });
  }
  // Backends may keep workers or threads alive.
  Deno.exit(0);
}
