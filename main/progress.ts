/** A progress bar on a terminal; a line now and then elsewhere. */
import type { Terminal } from "./command.ts";

/** Draws progress. */
interface Progress {
  /** @param fraction 0 to 1; @param text what else to say; @param seconds that it has taken, where that began before this */
  update(fraction: number, text?: string, seconds?: number): void;
  /** Ends the line. */
  end(text?: string): void;
}

const WIDTH = 30;

/** "1:02" */
export const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** The bar's text: fraction, time gone, time to go. */
export function bar(fraction: number, seconds: number, text = ""): string {
  const full = Math.round(WIDTH * Math.min(1, Math.max(0, fraction)));
  const left = fraction > 0 ? `, ${clock(seconds * (1 - fraction) / fraction)} left` : "";
  const percent = String(Math.floor(100 * fraction)).padStart(3);
  return `[${"#".repeat(full)}${".".repeat(WIDTH - full)}] ${percent} % ${clock(seconds)}${left}${text && "  " + text}`;
}

/** @param everyMs least time between two updates; 10 s where stderr is no terminal */
export function createProgress(
  { error, interactive }: Pick<Terminal, "error" | "interactive">,
  { everyMs = interactive ? 100 : 10_000, now = () => performance.now() }: { everyMs?: number; now?: () => number } =
    {},
): Progress {
  const started = now();
  let last = started, drawn = 0;
  const write = (text: string) => {
    if (!interactive) return error(text + "\n");
    error(`\r${text.padEnd(drawn)}`);
    drawn = text.length;
  };
  return {
    update(fraction, text, seconds = (now() - started) / 1000) {
      if (now() - last < everyMs) return;
      last = now();
      write(bar(fraction, seconds, text));
    },
    end(text) {
      if (text !== undefined) write(text);
      if (interactive && drawn > 0) error("\n");
    },
  };
}
